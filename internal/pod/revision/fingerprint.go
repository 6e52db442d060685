// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package revision

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/distribution/reference"
	corev1 "k8s.io/api/core/v1"
)

// fingerprint stands for what a template means: two templates have the same one when the API server makes the same Pod of them.
type fingerprint [sha256.Size]byte

// fingerprintOf takes away from the template what the API server would fill in anyway, and hashes the rest. So it does not matter
// whether the program or library that wrote a template filled in the defaults, all or some of them (in-place-update spec 8.16).
func fingerprintOf(t *corev1.PodTemplateSpec) (fingerprint, error) {
	template, err := treeOf(t)
	if err != nil {
		return fingerprint{}, err
	}
	strip(template, "")
	stripSpec(child(template, "spec"))
	data, err := json.Marshal(template)
	if err != nil {
		return fingerprint{}, fmt.Errorf("encode Pod template: %w", err)
	}
	return sha256.Sum256(data), nil
}

// strip deletes the fields below path that have their default value, and those without one: null and the empty list.
func strip(node any, path string) {
	switch n := node.(type) {
	case object:
		for key, value := range n {
			field := path + "." + role(key)
			if list, ok := value.([]any); value == nil || ok && len(list) == 0 || isDefault(field, value) {
				delete(n, key)
				continue
			}
			strip(value, field)
		}
	case []any:
		for _, item := range n {
			strip(item, path)
		}
	}
}

// role names fields alike whose values have the same defaults.
func role(key string) string {
	switch key {
	case "initContainers", "ephemeralContainers":
		return "containers"
	case "livenessProbe", "readinessProbe", "startupProbe":
		return "probe"
	case "postStart", "preStop":
		return "hook"
	default:
		return key
	}
}

// stripSpec deletes the fields whose default depends on other fields.
func stripSpec(spec object) {
	if spec["serviceAccountName"] == nil && spec["serviceAccount"] != nil {
		spec["serviceAccountName"] = spec["serviceAccount"]
	}
	delete(spec, "serviceAccount")

	hostNetwork := spec["hostNetwork"] == true
	for _, list := range []string{"initContainers", "containers", "ephemeralContainers"} {
		for container := range objectsIn(spec[list]) {
			image, _ := container["image"].(string)
			if container["imagePullPolicy"] == string(pullPolicy(image)) {
				delete(container, "imagePullPolicy")
			}
			for port := range objectsIn(container["ports"]) {
				if hostNetwork && reflect.DeepEqual(port["hostPort"], port["containerPort"]) {
					delete(port, "hostPort")
				}
			}
		}
	}
}

// pullPolicy is the pull policy that the API server gives a container of this image: Always for the tag latest, which is also
// meant when there is neither tag nor digest, else IfNotPresent.
func pullPolicy(image string) corev1.PullPolicy {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return corev1.PullIfNotPresent
	}
	if tagged, ok := reference.TagNameOnly(named).(reference.Tagged); ok && tagged.Tag() == "latest" {
		return corev1.PullAlways
	}
	return corev1.PullIfNotPresent
}

// isDefault tells whether the API server gives the field of a Pod this value when it is missing, whatever the other fields say.
// Lists do not show in the path of a field, and fields of the same role have the same path.
func isDefault(field string, value any) bool {
	defaults, key := podDefaults, field
	if rest, ok := strings.CutPrefix(field, ".spec.containers."); ok {
		defaults, key = containerDefaults, rest
	} else if rest, ok := strings.CutPrefix(field, ".spec.volumes."); ok {
		defaults, key = volumeDefaults, rest
	}
	fallback, ok := defaults[key]
	return ok && reflect.DeepEqual(value, fallback)
}

var podDefaults = map[string]any{
	".spec.restartPolicy":                 "Always",
	".spec.dnsPolicy":                     "ClusterFirst",
	".spec.schedulerName":                 "default-scheduler",
	".spec.securityContext":               object{},
	".spec.terminationGracePeriodSeconds": int64(30),
	".spec.enableServiceLinks":            true,
}

var containerDefaults = map[string]any{
	"resources":                         object{},
	"terminationMessagePath":            "/dev/termination-log",
	"terminationMessagePolicy":          "File",
	"ports.protocol":                    "TCP",
	"env.valueFrom.fieldRef.apiVersion": "v1",
	"env.valueFrom.fileKeyRef.optional": false,
	"probe.timeoutSeconds":              int64(1),
	"probe.periodSeconds":               int64(10),
	"probe.successThreshold":            int64(1),
	"probe.failureThreshold":            int64(3),
	"probe.httpGet.path":                "/",
	"probe.httpGet.scheme":              "HTTP",
	"probe.grpc.service":                "",
	"lifecycle.hook.httpGet.path":       "/",
	"lifecycle.hook.httpGet.scheme":     "HTTP",
}

var volumeDefaults = map[string]any{
	"emptyDir":                              object{},
	"hostPath.type":                         "",
	"secret.defaultMode":                    int64(corev1.SecretVolumeSourceDefaultMode),
	"configMap.defaultMode":                 int64(corev1.ConfigMapVolumeSourceDefaultMode),
	"downwardAPI.defaultMode":               int64(corev1.DownwardAPIVolumeSourceDefaultMode),
	"downwardAPI.items.fieldRef.apiVersion": "v1",
	"projected.defaultMode":                 int64(corev1.ProjectedVolumeSourceDefaultMode),
	"projected.sources.downwardAPI.items.fieldRef.apiVersion": "v1",
	"projected.sources.serviceAccountToken.expirationSeconds": int64(3600),
	"ephemeral.volumeClaimTemplate.spec.resources":            object{},
	"ephemeral.volumeClaimTemplate.spec.volumeMode":           "Filesystem",
	"iscsi.iscsiInterface":                                    "default",
	"rbd.pool":                                                "rbd",
	"rbd.user":                                                "admin",
	"rbd.keyring":                                             "/etc/ceph/keyring",
	"azureDisk.cachingMode":                                   "ReadWrite",
	"azureDisk.fsType":                                        "ext4",
	"azureDisk.readOnly":                                      false,
	"azureDisk.kind":                                          "Shared",
	"scaleIO.storageMode":                                     "ThinProvisioned",
	"scaleIO.fsType":                                          "xfs",
}
