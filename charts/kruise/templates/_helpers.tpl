{{- define "kruise.selectorLabels" -}}
control-plane: controller-manager
{{- end }}

{{- define "kruise.labels" -}}
app.kubernetes.io/name: kruise
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/part-of: kruise
app.kubernetes.io/version: {{ .Values.manager.image.tag | default .Chart.AppVersion | trunc 63 | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- /* kruise.gate is "true" when a feature gate is on, else empty. It takes root, the gate's name, its default ("true" or "false"), and all,
which is AllAlpha or AllBeta when that switches the gate too. */ -}}
{{- define "kruise.gate" -}}
{{- $gates := dict -}}
{{- range splitList "," .root.Values.featureGates -}}
{{- $pair := splitList "=" . -}}
{{- $_ := set $gates (first $pair | trim) (last $pair | trim | lower) -}}
{{- end -}}
{{- $value := get $gates .name | default (get $gates (.all | default "-")) | default .default -}}
{{- if has $value (list "1" "t" "true") -}}true{{- end -}}
{{- end }}

{{- /* EnableExternalCerts is an alpha gate, and AllAlpha must not take away the certificates that nobody else issues. */ -}}
{{- define "kruise.externalCerts" -}}
{{- include "kruise.gate" (dict "root" . "name" "EnableExternalCerts" "default" "false") -}}
{{- end }}

{{- /* kruise.firstPodScope is the condition of the entry for Pods on a cluster without SidecarSets; empty where that cannot be told. */ -}}
{{- define "kruise.firstPodScope" -}}
{{- if lookup "v1" "Namespace" "" "kube-system" -}}
{{- $known := .Capabilities.APIVersions.Has "apps.kruise.io/v1beta1/SidecarSet" -}}
{{- if not (and $known (lookup "apps.kruise.io/v1beta1" "SidecarSet" "" "").items) -}}
{{ include "kruise.podScope" . }}
{{- end -}}
{{- end -}}
{{- end }}

{{- /* kruise.podScope are the clauses that the manager always has in the condition, with the default gates; it adds at once what others need. */ -}}
{{- define "kruise.podScope" -}}
((!has(object.spec.readinessGates) || !object.spec.readinessGates.exists(g, g.conditionType == 'KruisePodReady')) && has(object.metadata.ownerReferences) && object.metadata.ownerReferences.exists(r, has(r.controller) && r.controller && r.apiVersion.startsWith('apps.kruise.io/'))) ||
(has(object.spec.containers) && object.spec.containers != null && size(object.spec.containers) > 1 && ((has(object.metadata.annotations) && 'apps.kruise.io/container-launch-priority' in object.metadata.annotations && object.metadata.annotations['apps.kruise.io/container-launch-priority'] == 'Ordered') || object.spec.containers.exists(c, has(c.env) && c.env.exists(e, e.name == 'KRUISE_CONTAINER_PRIORITY'))))
{{- end }}

{{- define "kruise.featureGates" -}}
{{- $gates := .Values.featureGates -}}
{{- if and (include "kruise.gate" (dict "root" . "name" "AllAlpha" "default" "false")) (not (contains "EnableExternalCerts=" $gates)) -}}
{{- $gates = printf "%s,EnableExternalCerts=false" $gates -}}
{{- end -}}
{{- $gates -}}
{{- end }}

{{- /* kruise.kinds is {"on": the kinds of files/kinds.yaml to install, "off": those left out}. */ -}}
{{- define "kruise.kinds" -}}
{{- $all := $.Files.Get "files/kinds.yaml" | fromYamlArray -}}
{{- $names := list -}}
{{- $on := list -}}
{{- $off := list -}}
{{- range $all -}}
{{- $names = append $names .kind -}}
{{- if eq (get $.Values.kinds .kind | toString) "false" -}}
{{- $off = append $off . -}}
{{- else -}}
{{- $on = append $on . -}}
{{- end -}}
{{- end -}}
{{- range $kind, $_ := .Values.kinds -}}
{{- if not (has $kind $names) -}}
{{- fail (printf "value kinds.%s: there is no such kind; this chart has %s" $kind (join ", " $names)) -}}
{{- end -}}
{{- end -}}
{{- dict "on" $on "off" $off | toJson -}}
{{- end }}

{{- /* kruise.object adds the common labels to an object and prints it. It takes root and object. */ -}}
{{- define "kruise.object" -}}
{{- $labels := merge (include "kruise.labels" .root | fromYaml) (.object.metadata.labels | default dict) -}}
{{- $_ := set .object.metadata "labels" $labels -}}
{{- toYaml .object -}}
{{- end }}
