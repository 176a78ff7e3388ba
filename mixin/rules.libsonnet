// Changes the rules as the configuration says.
local selectors = import 'selectors.libsonnet';

// Where the thresholds are in the expressions of the file, with the values of the file.
local thresholds = [
  // `> clamp_min(…, 2)` is 3 runs or more.
  { alert: 'BatchFailingRepeatedly', key: 'batchFailingRepeatedlyRuns', from: '\n    2\n', to(value): '\n    %d\n' % (value - 1) },
  { alert: 'BatchRunsMissed', key: 'batchRunsMissedRuns', from: '>= 3', to(value): '>= %d' % value },
  { alert: 'BatchRunsMissed', key: 'batchRunsMissedWindow', from: '[6h]', to(value): '[%s]' % value },
  { alert: 'BatchRunSlowerThanUsual', key: 'batchRunSlowerThanUsualFactor', from: '(3 *', to(value): '(%g *' % value },
  { alert: 'BatchRunSlowerThanUsual', key: 'batchRunSlowerThanUsualMinimum', from: ', 600)', to(value): ', %d)' % value },
  { alert: 'BatchScheduleBlocked', key: 'batchScheduleBlockedDuration', from: '> 3600', to(value): '> %d' % value },
  { alert: 'BatchRunPending', key: 'batchRunPendingDuration', from: '> 900', to(value): '> %d' % value },
  { alert: 'BatchRunStuckEnding', key: 'batchRunStuckEndingDuration', from: '> 1800', to(value): '> %d' % value },
  { alert: 'BatchRunsPilingUp', key: 'batchRunsPilingUpRuns', from: '>= 3', to(value): '>= %d' % value },
  { alert: 'BatchCronJobSuspended', key: 'batchCronJobSuspendedDays', from: '> 7 * 86400', to(value): '> %g * 86400' % value },
  // The second rule of this name, for expired credentials, has no threshold.
  { alert: 'JobStatusCredentialExpiring', key: 'jobStatusCredentialExpiringDays', from: '< 7 * 86400', to(value): '< %g * 86400' % value, optional: true },
];

local defaults = (import 'config.libsonnet')._config.thresholds;

local setThresholds(rule, config) =
  local set(expression, threshold) =
    local found = std.length(std.findSubstr(threshold.from, expression));
    local value = config.thresholds[threshold.key];
    if threshold.alert != rule.alert || found == 0 && std.get(threshold, 'optional', false) then expression
    else if found != 1 then error 'the expression of %s has no `%s`' % [rule.alert, threshold.from]
    else if value == defaults[threshold.key] then expression
    else std.strReplace(expression, threshold.from, threshold.to(value));
  rule { expr: std.foldl(set, thresholds, super.expr) };

// Alerts about workloads have a template with a default, the others a plain severity.
local setSeverity(label, severity) =
  local parts = std.split(label, '{{ else }}');
  if std.length(parts) == 1 then severity else parts[0] + '{{ else }}' + severity + '{{ end }}';

local setAlert(rule, config) =
  local change = std.get(config.alerts, rule.alert, {});
  setThresholds(rule, config) + {
    [if 'for' in change then 'for']: change['for'],
    labels+: { [if 'severity' in change then 'severity']: setSeverity(rule.labels.severity, change.severity) },
    annotations: {
      [key]: std.strReplace(selectors.template(rule.annotations[key], config), 'docs/runbooks.md', config.runbookBase)
      for key in std.objectFields(rule.annotations)
    },
  };

local isEnabled(rule, config) = !('alert' in rule) || std.get(std.get(config.alerts, rule.alert, {}), 'enabled', true);

local setRule(rule, config) =
  (if 'alert' in rule then setAlert(rule, config) else rule)
  + { expr: selectors.expression(super.expr, config) };

// Fails for names that do not exist, so that a typing error is not ignored.
local check(file, config) =
  local names = std.set([rule.alert for group in file.groups for rule in group.rules if 'alert' in rule]);
  local unknown(known, given, what) = [
    error '_config.%s has no %s; known: %s' % [what, key, std.join(', ', known)]
    for key in std.objectFields(given)
    if !std.member(known, key)
  ];
  local fields = std.flattenArrays([
    unknown(['enabled', 'for', 'severity'], config.alerts[alert], 'alerts.' + alert)
    for alert in std.objectFields(config.alerts)
  ]);
  std.all([
    problem == null
    for problem in unknown(names, config.alerts, 'alerts') + fields
                   + unknown(std.objectFields(defaults), config.thresholds, 'thresholds')
  ]);

{
  hasAlerts(group):: std.any(std.map(function(rule) 'alert' in rule, group.rules)),

  groups(file, config)::
    assert check(file, config);
    [
      group { rules: [setRule(rule, config) for rule in group.rules if isEnabled(rule, config)] }
      for group in file.groups
    ],
}
