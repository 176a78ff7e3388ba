// The settings of the mixin. Override them with `+ { _config+:: { … } }`. The defaults render the files as they are.
{
  _config+:: {
    // A selector for all series of the exporter, such as 'job="job-status-exporter"'. Empty: every series with these names.
    jobStatusSelector: '',

    // The label that names the cluster, if Prometheus adds one.
    clusterLabel: 'cluster',

    // The address of docs/runbooks.md, for alerts about workloads that have no runbook of their own.
    runbookBase: 'docs/runbooks.md',

    // The thresholds in the expressions of alerts. All durations are seconds.
    thresholds: {
      batchFailingRepeatedlyRuns: 3,
      batchRunsMissedRuns: 3,
      batchRunsMissedWindow: '6h',
      batchRunSlowerThanUsualFactor: 3,
      batchRunSlowerThanUsualMinimum: 600,
      batchScheduleBlockedDuration: 3600,
      batchRunPendingDuration: 900,
      batchRunStuckEndingDuration: 1800,
      batchRunsPilingUpRuns: 3,
      batchCronJobSuspendedDays: 7,
      jobStatusCredentialExpiringDays: 7,
    },

    // Changes of single alerts, for example:
    //   BatchCronJobSuspended: { enabled: false },
    //   BatchRunOverdue: { 'for': '5m', severity: 'critical' },
    // The severity is the default: an annotation of the workload still overrides it.
    alerts: {},
  },
}
