"""The rules of truth.py, case by case: `cd scripts; python3 -m unittest lib.test_truth`."""

import unittest

from lib import truth


def job(name, uid="1", ended=None, **metadata):
    conditions = [{"type": ended, "status": "True"}] if ended else []
    metadata = {"namespace": "a", "name": name, "uid": uid, "creationTimestamp": "2026-11-23T14:52:09Z", **metadata}
    return {"metadata": metadata, "status": {"conditions": conditions}}


def confirmed(*processes):
    confirmations = truth.Confirmations(beats=range(0, 1000, 5))
    confirmations.processes = [list(revisions) for revisions in processes]
    return confirmations


class Runs(unittest.TestCase):
    def test_a_name_that_returns_is_another_run(self):
        events = [(1, "k", job("j")), (3, "k", job("j", ended="Complete")), (5, "k", None), (7, "k", job("j", "2"))]
        first, second = truth.runs(events)
        self.assertEqual((first.created, first.finished, first.result, first.deleted), (1, 3, "succeeded", 5))
        self.assertEqual((second.created, second.finished, second.deleted), (7, None, None))

    def test_a_workload_is_the_owner_the_prefix_or_the_job(self):
        owner = {"kind": "CronJob", "name": "nightly", "controller": True}
        for metadata, expected in [
            ({"ownerReferences": [owner]}, ("a", "cronjob", "nightly")),
            ({"generateName": "load-"}, ("a", "generated", "load")),
            ({}, ("a", "job", "j")),
        ]:
            self.assertEqual(truth.workload(job("j", **metadata)["metadata"]), expected)


class Allowed(unittest.TestCase):
    def check(self, confirmations, expected, finished=None, deleted=None):
        run = truth.Run(("a", "job", "j"), 10, 0.0, None, finished, "failed" if finished else None, deleted)
        self.assertEqual(truth.allowed(run, confirmations), expected)

    def test_a_run_that_was_seen_finished_counts_with_its_result(self):
        self.check(confirmed([20]), {"failed"}, finished=20, deleted=25)
        self.check(confirmed([], [500]), {"failed"}, finished=20)

    def test_a_run_that_was_over_unseen_may_count_in_any_way_but_one(self):
        self.check(confirmed([15, 30]), {"failed", "deleted", None}, finished=20, deleted=30)

    def test_a_list_between_two_beats_may_be_of_any_revision(self):
        self.check(confirmed([20]), {"failed", "deleted", None}, finished=20, deleted=24)

    def test_an_unfinished_run_that_one_process_saw_come_and_go_counts_as_deleted(self):
        self.check(confirmed([10, 30]), {"deleted"}, deleted=30)
        self.check(confirmed([10], [30]), {"deleted", None}, deleted=30)
        self.check(confirmed([5, 30]), {"deleted", None}, deleted=30)

    def test_a_run_under_way_does_not_count(self):
        self.check(confirmed([10, 30]), {None})

    def test_what_a_killed_process_had_not_written_is_not_confirmed(self):
        confirmations = truth.Confirmations([])
        confirmations.shown(20, now=100)
        confirmations.written(now=101)
        confirmations.killed()
        confirmations.written(now=200)
        self.assertEqual(confirmations.processes, [[], []])


class Compare(unittest.TestCase):
    def test_every_difference_is_an_error(self):
        name = ("a", "job", "j")
        runs = [truth.Run(name, 10, 0.0, None, 20, "succeeded")]
        for counted, errors in [
            ({(name, "succeeded"): 1}, 0),
            ({}, 1),
            ({(name, "failed"): 1}, 2),
            ({(name, "succeeded"): 2}, 2),
            ({(name, "succeeded"): 1, (("a", "job", "other"), "failed"): 1}, 2),
        ]:
            found, _ = truth.compare(runs, confirmed([30]), counted)
            self.assertEqual(len(found), errors, found)

    def test_an_unseen_run_does_not_count_twice(self):
        name = ("a", "job", "j")
        runs = [truth.Run(name, 10, 0.0, None, 20, "succeeded", 25)]
        found, _ = truth.compare(runs, confirmed([30]), {(name, "succeeded"): 1, (name, "deleted"): 1})
        self.assertEqual(len(found), 1)


class LateStarts(unittest.TestCase):
    def test_due_times_without_a_run_in_time_are_late(self):
        name = ("a", "cronjob", "c")
        runs = [truth.Run(name, 1, created, due) for due, created in [(120, 121), (180, 215), (240, 240)]]
        self.assertEqual(truth.late_starts(runs, name, 70, 310, grace=30), [180, 300])


if __name__ == "__main__":
    unittest.main()
