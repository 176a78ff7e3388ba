{{/* Names. A StatefulSet adds up to 11 characters to its name in labels of its pods, which have 63 at most. */}}
{{- define "job-status-exporter.shorten" -}}
{{- if gt (len .) 52 -}}
{{- printf "%s-%s" (trunc 43 . | trimSuffix "-") (sha256sum . | trunc 8) -}}
{{- else -}}
{{- . -}}
{{- end -}}
{{- end }}

{{- define "job-status-exporter.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{- define "job-status-exporter.fullname" -}}
{{- $name := .Values.nameOverride | default .Chart.Name -}}
{{- if .Values.fullnameOverride -}}
{{- include "job-status-exporter.shorten" .Values.fullnameOverride -}}
{{- else if contains $name .Release.Name -}}
{{- include "job-status-exporter.shorten" .Release.Name -}}
{{- else -}}
{{- include "job-status-exporter.shorten" (printf "%s-%s" .Release.Name $name) -}}
{{- end -}}
{{- end }}

{{/* Names of what is outside of the release's namespace, where releases of several namespaces meet. A colon is in no other name. */}}
{{- define "job-status-exporter.roleName" -}}
{{- printf "%s:%s" .Release.Namespace (include "job-status-exporter.fullname" .) -}}
{{- end }}

{{- define "job-status-exporter.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "job-status-exporter.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end }}

{{/* Labels. */}}
{{- define "job-status-exporter.baseSelector" -}}
app.kubernetes.io/name: {{ include "job-status-exporter.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* The pods of the exporter. Those of `helm test` have another component, so that no Service leads to them. */}}
{{- define "job-status-exporter.selector" -}}
{{ include "job-status-exporter.baseSelector" . }}
app.kubernetes.io/component: exporter
{{- end }}

{{/* All labels. Takes a dict with the context `top`, and optionally with `labels`, which win, and the `component`. */}}
{{- define "job-status-exporter.labels" -}}
{{- $chart := printf "%s-%s" .top.Chart.Name .top.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" -}}
{{- $labels := dict "helm.sh/chart" $chart "app.kubernetes.io/version" .top.Chart.AppVersion "app.kubernetes.io/managed-by" .top.Release.Service -}}
{{- $fixed := include "job-status-exporter.baseSelector" .top | fromYaml -}}
{{- $_ := set $fixed "app.kubernetes.io/component" (.component | default "exporter") -}}
{{- mergeOverwrite $labels .top.Values.commonLabels (.labels | default dict) $fixed | toYaml -}}
{{- end }}

{{- define "job-status-exporter.image" -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository .tag -}}
{{- end -}}
{{- end }}

{{/* The configuration as it is written to the ConfigMap. `mode`, `namespaces`, `jobs` and `pods` are the only target. */}}
{{- define "job-status-exporter.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- $target := dict -}}
{{- with .Values.mode }}{{ $_ := set $target "mode" . }}{{ end -}}
{{- with .Values.namespaces }}{{ $_ := set $target "namespaces" (dict "include" .) }}{{ end -}}
{{- with .Values.jobs }}{{ $_ := set $target "jobs" . }}{{ end -}}
{{- if .Values.pods.enabled }}{{ $_ := set $target "pods" (dict "enabled" true) }}{{ end -}}
{{- if and $target $config.targets -}}
{{- fail "`mode`, `namespaces`, `jobs` and `pods` are for the only target. With `config.targets`, write them there." -}}
{{- end -}}
{{- if and .Values.namespaces .Values.jobs }}{{ fail "`namespaces` and `jobs` exclude each other: each of the `jobs` has its namespace." }}{{ end -}}
{{- if and .Values.pods.enabled .Values.jobs }}{{ fail "`pods.enabled` and `jobs` exclude each other: pods are listed or watched." }}{{ end -}}
{{- if not $config.targets -}}
{{- if not $target }}{{ $_ := set $target "mode" "watch" }}{{ end -}}
{{- $_ := set $config "targets" (list $target) -}}
{{- end -}}
{{- $web := $config.web | default dict -}}
{{- range $key, $instead := dict "listen_address" "ports.metrics" "systemd_socket" "ports.metrics" "probe_listen_address" "ports.probes" "config_file" "webConfig.existingSecret" -}}
{{- if hasKey $web $key }}{{ fail (printf "The chart sets `config.web.%s`. Use the value `%s`." $key $instead) }}{{ end -}}
{{- end -}}
{{- if hasKey ($config.history | default dict) "path" }}{{ fail "The chart sets `config.history.path`. Use the value `history.enabled`." }}{{ end -}}
{{- if hasKey ($config.history | default dict) "postgres" }}{{ fail "The chart sets `config.history.postgres`. Use the value `history.postgres`." }}{{ end -}}
{{- if and $config.history (not .Values.history.enabled) }}{{ fail "`config.history` needs `history.enabled`." }}{{ end -}}
{{- if .Values.sharding.shards -}}
{{- if $config.sharding }}{{ fail "`sharding.shards` sets `config.sharding`. Remove one of them." }}{{ end -}}
{{- $_ := set $config "sharding" (dict "shards" (int .Values.sharding.shards) "shard" "auto") -}}
{{- else if eq (toString ($config.sharding | default dict).shard) "auto" -}}
{{- fail "`config.sharding.shard: auto` is for pods of a StatefulSet with one pod per shard. Use the value `sharding.shards`." -}}
{{- end -}}
{{- toYaml $config -}}
{{- end }}

{{/* "true" if the target uses the ServiceAccount of the pod. */}}
{{- define "job-status-exporter.usesAccount" -}}
{{- $kubernetes := .kubernetes | default dict -}}
{{- if not (or .cci $kubernetes.kubeconfig $kubernetes.context) }}true{{ end -}}
{{- end }}

{{/* "true" if every name of a list is a full one, without `*`. */}}
{{- define "job-status-exporter.fullNames" -}}
{{- if . -}}
{{- $full := true -}}
{{- range . }}{{ if contains "*" . }}{{ $full = false }}{{ end }}{{ end -}}
{{- if $full }}true{{ end -}}
{{- end -}}
{{- end }}

{{/*
The permissions that the targets need, as YAML: a map from namespaces, or `*` for all of them, to what they need there:
`objects` (verbs for Jobs and CronJobs), `pods` (verbs for pods), `jobs` (verbs for Jobs), `namespaces` (verbs for namespaces),
`status` (whose status they get: names of Jobs, or `*`).
*/}}
{{- define "job-status-exporter.permissions" -}}
{{- $scopes := dict -}}
{{- $config := include "job-status-exporter.config" . | fromYaml -}}
{{- range $config.targets -}}
{{- if include "job-status-exporter.usesAccount" . -}}
  {{- $poll := .poll | default dict -}}
  {{- $selected := .namespaces | default dict -}}
  {{- $pods := .pods | default dict -}}
  {{- $places := list "*" -}}
  {{- if include "job-status-exporter.fullNames" $selected.include }}{{ $places = $selected.include }}{{ end -}}
  {{- if .jobs -}}
    {{- $names := dict -}}
    {{- range .jobs }}{{ $_ := set $names .namespace (append (get $names .namespace | default list) .name) }}{{ end -}}
    {{- range $namespace, $jobs := $names -}}
      {{- $scope := get $scopes $namespace | default dict -}}
      {{- $_ := set $scope "status" (concat ($scope.status | default list) $jobs | uniq | sortAlpha) -}}
      {{- /* A namespace with a single configured Job is not listed. */ -}}
      {{- if and $poll.by_list (gt (len $jobs) 1) }}{{ $_ := set $scope "jobs" (list "list") }}{{ end -}}
      {{- $_ := set $scopes $namespace $scope -}}
    {{- end -}}
  {{- else -}}
    {{- $verbs := ternary (list "list") (list "list" "watch") (eq (.mode | default "watch") "poll") -}}
    {{- range $places -}}
      {{- $scope := get $scopes . | default dict -}}
      {{- $_ := set $scope "objects" (concat ($scope.objects | default list) $verbs | uniq | sortAlpha) -}}
      {{- if $pods.enabled }}{{ $_ := set $scope "pods" (concat ($scope.pods | default list) $verbs | uniq | sortAlpha) }}{{ end -}}
      {{- /* A shard that watches all namespaces asks for its own. A poll lists everything. */ -}}
      {{- if and $config.sharding (eq . "*") (has "watch" $verbs) }}{{ $_ := set $scope "namespaces" $verbs }}{{ end -}}
      {{- $_ := set $scopes . $scope -}}
    {{- end -}}
  {{- end -}}
  {{- if $poll.probe_any -}}
    {{- range $places -}}
      {{- $scope := get $scopes . | default dict -}}
      {{- $_ := set $scope "status" (append ($scope.status | default list) "*") -}}
      {{- $_ := set $scopes . $scope -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $scopes -}}
{{- end }}

{{/* The rules of one scope. Takes a dict with the `scope` and whether to use `resourceNames`. */}}
{{- define "job-status-exporter.rules" -}}
{{- with .scope.objects }}
- apiGroups: [batch]
  resources: [jobs, cronjobs]
  verbs: {{ toJson . }}
{{- end }}
{{- with .scope.pods }}
- apiGroups: [""]
  resources: [pods]
  verbs: {{ toJson . }}
{{- end }}
{{- with .scope.namespaces }}
- apiGroups: [""]
  resources: [namespaces]
  verbs: {{ toJson . }}
{{- end }}
{{- with .scope.jobs }}
- apiGroups: [batch]
  resources: [jobs]
  verbs: {{ toJson . }}
{{- end }}
{{- with .scope.status }}
- apiGroups: [batch]
  resources: [jobs/status]
  {{- if and $.resourceNames (not (has "*" .)) }}
  resourceNames: {{ toJson . }}
  {{- end }}
  verbs: [get]
{{- end }}
{{- end }}

{{/* "true" if the API of the ServiceAccount checks tokens. */}}
{{- define "job-status-exporter.tokenReviews" -}}
{{- if not (kindIs "invalid" .Values.rbac.tokenReviews) -}}
{{- if .Values.rbac.tokenReviews }}true{{ end -}}
{{- else -}}
{{- $config := include "job-status-exporter.config" . | fromYaml -}}
{{- $web := $config.web | default dict -}}
{{- if kindIs "map" $web.kubernetes_auth -}}
{{- range $config.targets -}}
{{- if and (or (not $web.kubernetes_auth.target) (eq $web.kubernetes_auth.target (.name | default ""))) (include "job-status-exporter.usesAccount" .) }}true{{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* "true" if pages need a token of Kubernetes. */}}
{{- define "job-status-exporter.needsToken" -}}
{{- $web := .Values.config.web | default dict -}}
{{- if or (kindIs "map" $web.kubernetes_auth) .Values.rbac.tokenReviews }}true{{ end -}}
{{- end }}

{{- define "job-status-exporter.automount" -}}
{{- if not (kindIs "invalid" .Values.serviceAccount.automountToken) -}}
{{- .Values.serviceAccount.automountToken -}}
{{- else -}}
{{- $needed := ternary true false (ne .Values.existingConfig.name "") -}}
{{- range (include "job-status-exporter.config" . | fromYaml).targets }}{{ if include "job-status-exporter.usesAccount" . }}{{ $needed = true }}{{ end }}{{ end -}}
{{- $needed -}}
{{- end -}}
{{- end }}

{{/* Paths. A prefix precedes all of them. */}}
{{- define "job-status-exporter.prefix" -}}
{{- $web := .Values.config.web | default dict -}}
{{- $path := "" -}}
{{- with $web.external_url }}{{ $path = (urlParse .).path }}{{ end -}}
{{- $web.route_prefix | default $path | trimSuffix "/" -}}
{{- end }}

{{- define "job-status-exporter.metricsPath" -}}
{{- $web := .Values.config.web | default dict -}}
{{- .Values.metricsPath | default (printf "%s%s" (include "job-status-exporter.prefix" .) ($web.telemetry_path | default "/metrics")) -}}
{{- end }}

{{- define "job-status-exporter.scheme" -}}
{{- ternary .Values.webConfig.scheme "http" (ne .Values.webConfig.existingSecret "") -}}
{{- end }}

{{/* How many pods there are: a shard each, or a replica each. */}}
{{- define "job-status-exporter.pods" -}}
{{- if and .Values.sharding.shards (gt (int .Values.replicas) 1) -}}
{{- fail "`sharding.shards` and `replicas` exclude each other: each pod is another shard. For a second replica of each shard, install a second release." -}}
{{- end -}}
{{- .Values.sharding.shards | default .Values.replicas -}}
{{- end }}

{{/* Where the history is: `postgres`, `existingClaim`, `persistentVolumeClaim` or `emptyDir`. Empty without one. */}}
{{- define "job-status-exporter.history" -}}
{{- $history := .Values.history -}}
{{- if and $history.postgres.existingSecret (not $history.enabled) -}}
{{- fail "`history.postgres` needs `history.enabled`." -}}
{{- end -}}
{{- if and $history.postgres.existingSecret $history.existingClaim -}}
{{- fail "`history.postgres` and `history.existingClaim` exclude each other: the history is in a database or in a file." -}}
{{- end -}}
{{- if and (or $history.postgres.readerKey $history.postgres.caKey $history.postgres.caSecret) (not $history.postgres.existingSecret) -}}
{{- fail "`history.postgres` needs `existingSecret`, the Secret with the URL." -}}
{{- end -}}
{{- if and $history.postgres.caSecret (not $history.postgres.caKey) -}}
{{- fail "`history.postgres.caSecret` needs `caKey`." -}}
{{- end -}}
{{- if $history.postgres.existingSecret -}}
postgres
{{- else if and $history.enabled $history.existingClaim -}}
existingClaim
{{- else if $history.enabled -}}
{{- $history.type -}}
{{- end -}}
{{- end }}

{{/* Each shard and each replica of a StatefulSet keeps its name, and its volume if the history is a file. */}}
{{- define "job-status-exporter.kind" -}}
{{- $history := include "job-status-exporter.history" . -}}
{{- $several := gt (include "job-status-exporter.pods" . | int) 1 -}}
{{- if and (eq $history "existingClaim") $several -}}
{{- fail "`history.existingClaim` is for one replica: each needs a file of its own." -}}
{{- end -}}
{{- ternary "StatefulSet" "Deployment" (or (eq $history "persistentVolumeClaim") $several (gt (int .Values.sharding.shards) 0)) -}}
{{- end }}

{{/* "true" if a new pod starts beside the old one. Only a database can be shared by both. */}}
{{- define "job-status-exporter.overlaps" -}}
{{- if and (eq (include "job-status-exporter.kind" .) "Deployment") (eq (include "job-status-exporter.history" .) "postgres") }}true{{ end -}}
{{- end }}

{{/*
What Prometheus calls the exporter: a name that a new pod keeps, so that its series go on. In a StatefulSet it is the name of the
pod. Labels that change with a new pod are dropped. Pods that overlap have names of their own: samples of two exporters in one
series would look like restarts of its counters.
*/}}
{{- define "job-status-exporter.relabelings" -}}
{{- $byPod := or (eq (include "job-status-exporter.kind" .) "StatefulSet") (include "job-status-exporter.overlaps" .) }}
{{- if $byPod }}
- sourceLabels: [__meta_kubernetes_namespace, __meta_kubernetes_pod_name]
  separator: /
  targetLabel: instance
{{- else }}
- targetLabel: instance
  replacement: {{ .Release.Namespace }}/{{ include "job-status-exporter.fullname" . }}
{{- end }}
- action: labeldrop
  regex: {{ ternary "node" "pod|node" (not (empty $byPod)) }}
{{- end }}

{{/* The settings of the chart are flags and variables, which override the file. */}}
{{- define "job-status-exporter.args" -}}
- --config.file=/etc/job-status-exporter/config/{{ if .Values.existingConfig.name }}{{ .Values.existingConfig.key }}{{ else }}exporter.yaml{{ end }}
- --web.listen-address=:{{ .Values.ports.metrics }}
- --web.probe-listen-address=:{{ .Values.ports.probes }}
{{- if .Values.webConfig.existingSecret }}
- --web.config.file=/etc/job-status-exporter/web/{{ .Values.webConfig.key }}
{{- end }}
- --log.format={{ .Values.log.format }}
{{- end }}

{{- define "job-status-exporter.env" -}}
{{- $history := include "job-status-exporter.history" . }}
{{- $directory := "/etc/job-status-exporter/postgres" }}
{{- if eq $history "postgres" }}
- name: JOB_STATUS_EXPORTER__HISTORY__POSTGRES__URL_FILE
  value: {{ $directory }}/url
{{- if .Values.history.postgres.readerKey }}
- name: JOB_STATUS_EXPORTER__HISTORY__POSTGRES__READER_URL_FILE
  value: {{ $directory }}/reader-url
{{- end }}
{{- if .Values.history.postgres.caKey }}
- name: JOB_STATUS_EXPORTER__HISTORY__POSTGRES__CA_FILE
  value: {{ $directory }}/ca.crt
{{- end }}
- name: JOB_STATUS_EXPORTER__HISTORY__POSTGRES__SCHEMA
  value: {{ .Values.history.postgres.schema | quote }}
{{- else if $history }}
- name: JOB_STATUS_EXPORTER__HISTORY__PATH
  value: /var/lib/job-status-exporter/history.redb
{{- end }}
{{- if and .Values.sharding.shards .Values.existingConfig.name }}
- name: JOB_STATUS_EXPORTER__SHARDING__SHARDS
  value: {{ .Values.sharding.shards | quote }}
- name: JOB_STATUS_EXPORTER__SHARDING__SHARD
  value: auto
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Directories, not single files: a mounted file would never change. */}}
{{- define "job-status-exporter.mounts" -}}
- name: config
  mountPath: /etc/job-status-exporter/config
  readOnly: true
{{- if .Values.webConfig.existingSecret }}
- name: web
  mountPath: /etc/job-status-exporter/web
  readOnly: true
{{- end }}
{{- range $index, $secret := .Values.secrets }}
- name: secret-{{ $index }}
  mountPath: /etc/job-status-exporter/secrets/{{ $secret.name }}
  readOnly: true
{{- end }}
{{- $history := include "job-status-exporter.history" . }}
{{- if eq $history "postgres" }}
- name: postgres
  mountPath: /etc/job-status-exporter/postgres
  readOnly: true
{{- else if $history }}
- name: history
  mountPath: /var/lib/job-status-exporter
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "job-status-exporter.volumes" -}}
- name: config
{{- if and .Values.existingConfig.name (eq .Values.existingConfig.kind "Secret") }}
  secret:
    secretName: {{ .Values.existingConfig.name }}
    defaultMode: 0440
{{- else }}
  configMap:
    name: {{ .Values.existingConfig.name | default (include "job-status-exporter.fullname" .) }}
{{- end }}
{{- with .Values.webConfig.existingSecret }}
- name: web
  secret:
    secretName: {{ . }}
    defaultMode: 0440
{{- end }}
{{- range $index, $secret := .Values.secrets }}
- name: secret-{{ $index }}
  secret:
    secretName: {{ $secret.name }}
    defaultMode: 0440
    {{- with $secret.items }}
    items: {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- if $secret.optional }}
    optional: true
    {{- end }}
{{- end }}
{{- if eq (include "job-status-exporter.history" .) "postgres" }}
{{- $postgres := .Values.history.postgres }}
{{- $caSecret := $postgres.caSecret | default $postgres.existingSecret }}
- name: postgres
  projected:
    defaultMode: 0440
    sources:
      - secret:
          name: {{ $postgres.existingSecret }}
          items:
            - {key: {{ $postgres.key | quote }}, path: url}
            {{- with $postgres.readerKey }}
            - {key: {{ . | quote }}, path: reader-url}
            {{- end }}
      {{- with $postgres.caKey }}
      - secret:
          name: {{ $caSecret }}
          items:
            - {key: {{ . | quote }}, path: ca.crt}
      {{- end }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/*
With autoReload the pod restarts only for settings that the exporter cannot change while it runs; docs/reload.md lists them.
Without it, for every change.
*/}}
{{- define "job-status-exporter.checksum" -}}
{{- $config := include "job-status-exporter.config" . | fromYaml -}}
{{- if .Values.autoReload -}}
{{- $web := $config.web | default dict -}}
{{- $metrics := $config.metrics | default dict -}}
{{- $restart := pick $web "telemetry_path" "external_url" "route_prefix" "max_connections" "ready_grace" "shutdown_timeout" "enable_lifecycle" -}}
{{- dict "web" $restart "metrics" (pick $metrics "run_duration_buckets" "native_histograms") | toJson | sha256sum -}}
{{- else -}}
{{- $config | toJson | sha256sum -}}
{{- end -}}
{{- end }}

{{- define "job-status-exporter.podTemplate" -}}
metadata:
  labels: {{- include "job-status-exporter.labels" (dict "top" . "labels" .Values.podLabels) | nindent 4 }}
  {{- $annotations := deepCopy .Values.podAnnotations }}
  {{- if not .Values.existingConfig.name }}
  {{- $_ := set $annotations "checksum/config" (include "job-status-exporter.checksum" .) }}
  {{- end }}
  {{- with $annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  serviceAccountName: {{ include "job-status-exporter.serviceAccountName" . }}
  automountServiceAccountToken: {{ include "job-status-exporter.automount" . }}
  # Variables of Services would have the prefix of the exporter's own.
  enableServiceLinks: false
  {{- with .Values.podSecurityContext }}
  securityContext: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  containers:
    - name: exporter
      image: {{ include "job-status-exporter.image" (dict "repository" .Values.image.repository "digest" .Values.image.digest "tag" (.Values.image.tag | default .Chart.AppVersion)) | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: {{- include "job-status-exporter.args" . | nindent 8 }}
        {{- if .Values.autoReload }}
        - --config.auto-reload
        {{- end }}
        {{- with .Values.extraArgs }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with include "job-status-exporter.env" . | trim }}
      env: {{- . | nindent 8 }}
      {{- end }}
      ports:
        - name: metrics
          containerPort: {{ .Values.ports.metrics }}
        - name: probes
          containerPort: {{ .Values.ports.probes }}
      startupProbe:
        httpGet: {path: /livez, port: probes}
        {{- toYaml .Values.startupProbe | nindent 8 }}
      livenessProbe:
        httpGet: {path: /livez, port: probes}
        {{- toYaml .Values.livenessProbe | nindent 8 }}
      readinessProbe:
        httpGet: {path: /readyz, port: probes}
        {{- toYaml .Values.readinessProbe | nindent 8 }}
      {{- with .Values.resources }}
      resources: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .Values.securityContext }}
      securityContext: {{- toYaml . | nindent 8 }}
      {{- end }}
      volumeMounts: {{- include "job-status-exporter.mounts" . | nindent 8 }}
  volumes: {{- include "job-status-exporter.volumes" . | nindent 4 }}
    {{- $history := include "job-status-exporter.history" . }}
    {{- if eq $history "existingClaim" }}
    - name: history
      persistentVolumeClaim:
        claimName: {{ .Values.history.existingClaim }}
    {{- else if eq $history "emptyDir" }}
    - name: history
      emptyDir:
        sizeLimit: {{ .Values.history.size }}
    {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if gt (int .Values.replicas) 1 }}
  {{- $constraints := list }}
  {{- range .Values.topologySpreadConstraints }}
  {{- $selector := dict "matchLabels" (include "job-status-exporter.selector" $ | fromYaml) }}
  {{- $constraints = append $constraints (merge (deepCopy .) (dict "labelSelector" $selector)) }}
  {{- end }}
  {{- with $constraints }}
  topologySpreadConstraints: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
{{- end }}
