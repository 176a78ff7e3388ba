"""Random faults of everything around the exporter, one at a time for each device."""

import collections
import time

from lib.network import MODES

# Seconds between the starts of two faults.
PAUSE = (6, 20)
# Clock offsets in seconds. They stay below the retention times of the exporter.
OFFSETS = (-600, -90, -5, 5, 90, 600, 7200)


class Device:
    """Something that can fail: how to break it, how to repair it, and for how many seconds it stays broken."""

    def __init__(self, name, weight, seconds, break_it, repair):
        self.name, self.weight, self.seconds = name, weight, seconds
        self.break_it, self.repair = break_it, repair
        self.until = None


class Faults:
    """Breaks and repairs devices until the time is over."""

    def __init__(self, plane, forwarder, exporter, rng, only=None):
        self.plane, self.forwarder, self.exporter, self.random = plane, forwarder, exporter, rng
        self.counts = collections.Counter()
        # From a kill with a full disk until the API was read again: since then, all is counted that the API shows.
        self.lossy_kills = []
        self.devices = [
            Device("API server", 2, (0, 20), self.kill_component("apiserver"), lambda: plane.start("apiserver")),
            Device("controllers", 1, (0, 60), self.kill_component("controller-manager"), self.start_controllers),
            Device("exporter", 3, (0, 15), self.kill_exporter, exporter.start),
            Device("clock", 2, (2, 40), self.step_clock, lambda: exporter.set_clock(0)),
            Device("network", 3, (1, 60), self.break_network, lambda: forwarder.set_mode(None)),
            Device("disk", 1, (5, 40), self.fill_disk, exporter.empty_disk),
        ]
        if only:
            self.devices = [device for device in self.devices if device.name in only]

    def run(self, seconds):
        end = time.monotonic() + seconds
        pause = 0
        while (now := time.monotonic()) < end:
            for device in self.devices:
                if device.until is not None and now >= device.until:
                    self.repair(device)
            self.restart_exited()
            whole = [device for device in self.devices if device.until is None]
            if now >= pause and whole:
                device = self.random.choices(whole, [one.weight for one in whole])[0]
                device.until = now + self.random.uniform(*device.seconds)
                name = device.break_it()
                self.counts[name] += 1
                self.log(f"{name} for {device.until - now:.0f} s")
                pause = now + self.random.uniform(*PAUSE)
            time.sleep(0.2)
        for device in self.devices:
            if device.until is not None:
                self.repair(device)

    def repair(self, device):
        device.repair()
        device.until = None
        self.log(f"{device.name} repaired")

    def restart_exited(self):
        """Restarts what has ended by itself, as Kubernetes or systemd does. An exporter must not end by itself."""
        for name in self.plane.commands:
            if self.plane.exited(name):
                self.log(f"{name} has exited, starting it again")
                self.plane.start(name)
        exporter = next((device for device in self.devices if device.name == "exporter"), None)
        if self.exporter.exited() and (exporter is None or exporter.until is None):
            self.counts["exporter exited by itself"] += 1
            self.log(f"the exporter has exited with code {self.exporter.child.returncode}, starting it again")
            self.exporter.confirmed.killed()
            self.exporter.start()

    def log(self, text):
        with open(self.exporter.logs / "faults.log", "a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%H:%M:%S', time.gmtime())} {text}\n")

    def kill_component(self, name):
        def kill():
            self.plane.kill(name)
            return f"{name} killed"

        return kill

    def start_controllers(self):
        self.plane.start("controller-manager")

    def kill_exporter(self):
        disk = next((device for device in self.devices if device.name == "disk"), None)
        self.exporter.kill()
        if disk is None or disk.until is None:
            return "exporter killed"
        self.lossy_kills.append(time.time())
        return "exporter killed with a full disk"

    def step_clock(self):
        offset = self.random.choice(OFFSETS)
        self.exporter.set_clock(offset)
        return f"clock stepped by {offset:+d} s"

    def break_network(self):
        mode = self.random.choice(list(MODES))
        self.forwarder.set_mode(mode)
        return f"network {mode}"

    def fill_disk(self):
        self.exporter.fill_disk()
        return "disk full"
