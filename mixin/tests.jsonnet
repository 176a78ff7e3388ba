// The tests of the mixin. Renders `true`, or fails. scripts/check-mixin also checks the errors.
local mixin = import 'mixin.libsonnet';
local file = std.parseYaml(importstr '../config/rules/job-status.rules.yaml');
local dashboards = {
  'batch-overview.json': import '../dashboards/batch-overview.json',
  'batch-workload.json': import '../dashboards/batch-workload.json',
  'job-status-exporter.json': import '../dashboards/job-status-exporter.json',
};

local with(config) = mixin { _config+:: config };
local groups(mixin) = mixin.prometheusAlerts.groups + mixin.prometheusRules.groups;
local unchanged = mixin;
local rules(mixin) = [rule for group in groups(mixin) for rule in group.rules];
local named(mixin, name) = std.filter(function(rule) std.get(rule, 'alert') == name, rules(mixin));
local only(mixin, name) = local found = named(mixin, name); assert std.length(found) == 1 : name; found[0];
// std.findSubstr is slow.
local count(text, part) = std.length(std.split(text, part)) - 1;
local families(text) = count(text, 'batch_') + count(text, 'job_status_exporter_');
local text(rules) = std.join('\n', [rule.expr for rule in rules]);
// The expressions that the texts of alerts query.
local queries(rules) = std.join('\n', [
  std.join('\n', [parts[i] for i in std.range(0, std.length(parts) - 1) if i % 2 == 1])
  for rule in rules
  if 'alert' in rule
  for parts in [std.split(rule.annotations.description, '`')]
]);
local changed(mixin) = std.set([
  rules(mixin)[i].alert
  for i in std.range(0, std.length(rules(mixin)) - 1)
  if rules(mixin)[i] != rules(unchanged)[i]
]);

{
  // Without changes, the mixin is the files.
  'rules are those of the file': std.assertEqual(groups(mixin), file.groups),
  'dashboards are the files': std.assertEqual(mixin.grafanaDashboards, dashboards),
  'groups without alerts are rules': std.assertEqual(
    [group.name for group in mixin.prometheusRules.groups], ['job-status-durations', 'job-status-runs']
  ),

  // The selector is on each family once, and nowhere else.
  local selected = with({ jobStatusSelector: 'job="x"' }),
  'each family has the selector': std.assertEqual(
    count(text(rules(selected)), '{job="x"'), families(text(rules(mixin)))
  ),
  'the selector joins other matchers': std.assertEqual(
    count(text(rules(selected)), 'batch_workload_threshold_seconds{job="x", threshold="max_duration"}'), 1
  ),
  'recorded series have no selector': std.assertEqual(
    count(text(rules(selected)), 'job_status:target_gap{'), 0
  ),
  'queries of texts have the selector': std.assertEqual(
    [count(queries(rules(with({ jobStatusSelector: 'job=~"100%"' }))), '{job=~"100%%", '), families(queries(rules(mixin)))],
    [2, 2]
  ),
  'dashboards have the selector': std.assertEqual(
    count(std.manifestJson(selected.grafanaDashboards), 'job=\\"x\\"') > 100, true
  ),

  // The label of the cluster, in the rules, their texts and the dashboards.
  local renamed = with({ clusterLabel: 'region' }),
  'the cluster label is replaced': std.assertEqual(count(text(rules(renamed)), 'cluster'), 0),
  'texts use the cluster label': std.assertEqual(
    count(only(renamed, 'JobStatusExporterAbsent').annotations.summary, '$labels.region'), 1
  ),
  'queries of texts use the cluster label': std.assertEqual(
    [count(queries(rules(renamed)), label) for label in ['cluster', 'region=%q']], [0, 3]
  ),
  'dashboards use the cluster label': std.assertEqual(
    [
      count(std.manifestJson(renamed.grafanaDashboards), part)
      for part in ['cluster=~', '$cluster', '${cluster', 'var-cluster', '{{cluster}}', '"cluster"', '(cluster,']
    ],
    [0, 0, 0, 0, 0, 0, 0]
  ),

  // Each threshold changes its alert only.
  'thresholds change one alert each': std.assertEqual(
    {
      [key]: changed(with({ thresholds+: { [key]: if key == 'batchRunsMissedWindow' then '12h' else 17 } }))
      for key in std.objectFields(mixin._config.thresholds)
    },
    {
      batchCronJobSuspendedDays: ['BatchCronJobSuspended'],
      batchFailingRepeatedlyRuns: ['BatchFailingRepeatedly'],
      batchRunPendingDuration: ['BatchRunPending'],
      batchRunSlowerThanUsualFactor: ['BatchRunSlowerThanUsual'],
      batchRunSlowerThanUsualMinimum: ['BatchRunSlowerThanUsual'],
      batchRunStuckEndingDuration: ['BatchRunStuckEnding'],
      batchRunsMissedRuns: ['BatchRunsMissed'],
      batchRunsMissedWindow: ['BatchRunsMissed'],
      batchRunsPilingUpRuns: ['BatchRunsPilingUp'],
      batchScheduleBlockedDuration: ['BatchScheduleBlocked'],
      jobStatusCredentialExpiringDays: ['JobStatusCredentialExpiring'],
    }
  ),
  'the threshold of failing runs is exclusive': std.assertEqual(
    count(only(with({ thresholds+: { batchFailingRepeatedlyRuns: 5 } }), 'BatchFailingRepeatedly').expr, '\n    4\n'), 1
  ),

  // Single alerts.
  local tuned = with({
    alerts: {
      BatchRunFailed: { severity: 'page', 'for': '3m' },
      JobStatusTargetDown: { severity: 'page' },
      BatchCronJobSuspended: { enabled: false },
    },
  }),
  'a default severity gives way to that of the workload': std.assertEqual(
    only(tuned, 'BatchRunFailed').labels.severity, '{{ with $labels.severity }}{{ . }}{{ else }}page{{ end }}'
  ),
  'a severity without a template is replaced': std.assertEqual(only(tuned, 'JobStatusTargetDown').labels.severity, 'page'),
  'an alert gets a duration': std.assertEqual(only(tuned, 'BatchRunFailed')['for'], '3m'),
  'an alert can be left out': std.assertEqual(named(tuned, 'BatchCronJobSuspended'), []),
  'the base of the runbooks is replaced': std.assertEqual(
    only(with({ runbookBase: 'https://example.com/r.md' }), 'JobStatusTargetDown').annotations.runbook_url,
    'https://example.com/r.md#jobstatustargetdown'
  ),
}
