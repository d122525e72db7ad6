{{- define "app.name" -}}
{{- printf "%s" .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{- define "app.labels" -}}
app.kubernetes.io/name: stream-app
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "app.selector" -}}
app.kubernetes.io/name: stream-app
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "app.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "app.pod" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- end }}

{{- define "app.container" -}}
image: {{ include "app.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end }}

{{- define "app.env" -}}
- name: STREAM_APP_BROKER
  value: {{ .Values.kafka.brokers | quote }}
- name: STREAM_APP_ID
  value: {{ .Values.kafka.id | quote }}
- name: STREAM_APP_TOPIC_PREFIX
  value: {{ .Values.kafka.topicPrefix | quote }}
- name: STREAM_APP_DATA_DIR
  value: /data
- name: STREAM_APP_LOG_FORMAT
  value: json
{{- range $name, $value := .Values.settings }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}

{{/*
How a part, given as (dict "root" . "component" NAME), reaches Kafka: settings, mounts and volumes.
*/}}
{{- define "app.user" -}}
{{- printf "%s-%s" (include "app.name" .root) .component -}}
{{- end }}

{{- define "app.kafka.env" -}}
{{- $security := .root.Values.kafka.security -}}
{{- $secret := $security.secret | default (include "app.user" .) -}}
- name: STREAM_APP_SECURITY_PROTOCOL
  value: {{ $security.protocol }}
{{- if hasPrefix "SASL" $security.protocol }}
- name: STREAM_APP_SASL_MECHANISM
  value: {{ $security.mechanism }}
- name: STREAM_APP_SASL_USERNAME
  value: {{ $security.username | default (include "app.user" .) | quote }}
- name: STREAM_APP_SASL_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ $secret }}, key: password}}
{{- end }}
{{- if and $security.caSecret (hasSuffix "SSL" $security.protocol) }}
- name: STREAM_APP_SSL_CAFILE
  value: /etc/kafka-ca/ca.crt
{{- end }}
{{- if eq $security.protocol "SSL" }}
- name: STREAM_APP_SSL_CERTFILE
  value: /etc/kafka-user/user.crt
- name: STREAM_APP_SSL_KEYFILE
  value: /etc/kafka-user/user.key
{{- end }}
{{- end }}

{{- define "app.mounts" -}}
- {name: data, mountPath: /data}
- {name: tmp, mountPath: /tmp}
{{- $security := .root.Values.kafka.security }}
{{- if and $security.caSecret (hasSuffix "SSL" $security.protocol) }}
- {name: kafka-ca, mountPath: /etc/kafka-ca, readOnly: true}
{{- end }}
{{- if eq $security.protocol "SSL" }}
- {name: kafka-user, mountPath: /etc/kafka-user, readOnly: true}
{{- end }}
{{- end }}

{{- define "app.volumes" -}}
- name: tmp
  emptyDir: {}
{{- $security := .root.Values.kafka.security }}
{{- if and $security.caSecret (hasSuffix "SSL" $security.protocol) }}
- name: kafka-ca
  secret: {secretName: {{ $security.caSecret }}}
{{- end }}
{{- if eq $security.protocol "SSL" }}
- name: kafka-user
  secret: {secretName: {{ $security.secret | default (include "app.user" .) }}}
{{- end }}
{{- end }}

{{/*
The topics as `stream-app topics create` makes them (a test compares the two): name, kind, the right to read and to write of a worker, what
is told to `serve` and sent by webhooks, what commands alone keep (aside), and what was refused, with the bytes as they came.
*/}}
{{- define "app.topics" -}}
{{- $id := .Values.kafka.id -}}
- {name: orders, kind: input, read: true, initial: {max.message.bytes: "1114112"}}
- {name: contacts, kind: input, read: true, initial: {max.message.bytes: "1114112"}}
- {name: policies, kind: policies, read: true, partitions: 1}
- {name: customer-events-rekeyed, kind: input, read: true, write: true, initial: {max.message.bytes: "2097152"}}
- {name: {{ $id }}-status-changelog, kind: compacted, read: true, write: true}
- {name: {{ $id }}-insights-changelog, kind: compacted, read: true, write: true}
- {name: {{ $id }}-insights-sums, kind: sums, read: true, write: true}
- {name: status-changes, kind: output, read: true, write: true, told: true, sent: true}
- {name: win-back, kind: output, write: true, told: true, sent: true}
- {name: service-level, kind: output, write: true, told: true, sent: true}
- {name: contact-advice, kind: output, write: true, told: true, sent: true}
- {name: customer-profiles, kind: compacted, write: true, told: true}
- {name: insights, kind: compacted, write: true, told: true}
- {name: dead-letters, kind: output, write: true, refused: true, initial: {max.message.bytes: "2097152"}}
- {name: {{ $id }}-webhook-retries, kind: compacted, partitions: 1, aside: true, initial: {max.message.bytes: "1114112"}}
- {name: {{ $id }}-dead-letters-replayed, kind: compacted, partitions: 1, aside: true}
{{- end }}
