// The rules and dashboards of this repository as a monitoring mixin: the same files, with the changes of `_config`.
//
// - prometheusAlerts: the groups with alerts, and the recording rules that these alerts need in the same group.
// - prometheusRules: the groups that have recording rules only.
// - grafanaDashboards: the dashboards by file name.
local rules = import 'rules.libsonnet';
local selectors = import 'selectors.libsonnet';

(import 'config.libsonnet') + {
  local config = $._config,
  local files = rules.groups(std.parseYaml(importstr '../config/rules/job-status.rules.yaml'), config),

  prometheusAlerts+:: { groups+: std.filter(rules.hasAlerts, files) },
  prometheusRules+:: { groups+: std.filter(function(group) !rules.hasAlerts(group), files) },

  grafanaDashboards+:: {
    'batch-overview.json': selectors.dashboard(import '../dashboards/batch-overview.json', config),
    'batch-workload.json': selectors.dashboard(import '../dashboards/batch-workload.json', config),
    'job-status-exporter.json': selectors.dashboard(import '../dashboards/job-status-exporter.json', config),
  },
}
