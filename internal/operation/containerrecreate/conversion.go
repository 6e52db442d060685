// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package containerrecreate restarts containers of Pods where they are: ContainerRecreateRequest.
package containerrecreate

import (
	"encoding/json"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"kruise.io/kruise/api/apps/v1alpha1"
	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/conversion"
)

// Conversion knows how v1alpha1 and v1beta1 of ContainerRecreateRequest convert into each other (daemon specification, section 6). Two
// members of the v1beta1 status are annotations in v1alpha1.
func Conversion() conversion.Kind {
	return conversion.Kind{
		GroupKind: schema.GroupKind{Group: v1beta1.GroupVersion.Group, Kind: "ContainerRecreateRequest"},
		Hub:       v1beta1.GroupVersion.Version,
		Spokes: []conversion.Spoke{{
			Version: v1alpha1.GroupVersion.Version,
			Parts:   []conversion.Path{snapshot(), snapshotAnnotation(), conditions(), acquiredAnnotation()},
			Context: []conversion.Path{phase()},
			ToHub:   convertToHub,
			FromHub: convertFromHub,
		}},
	}
}

func phase() conversion.Path      { return conversion.Path{"status", "phase"} }
func snapshot() conversion.Path   { return conversion.Path{"status", "containerStatusSnapshot"} }
func conditions() conversion.Path { return conversion.Path{"status", "conditions"} }

func snapshotAnnotation() conversion.Path {
	return conversion.Path{"metadata", "annotations", v1beta1.ContainerRecreateRequestSyncContainerStatusesAnnotation}
}

func acquiredAnnotation() conversion.Path {
	return conversion.Path{"metadata", "annotations", v1beta1.ContainerRecreateRequestUnreadyAcquiredKey}
}

// convertToHub moves the annotations into the status. A request that nobody has answered has no status to take them.
func convertToHub(object map[string]any) {
	taken, acquired := take(object, snapshotAnnotation()), take(object, acquiredAnnotation())
	if !answered(object) {
		return
	}
	if containers := parseSnapshot(taken); containers != nil {
		snapshot().Set(object, containers)
	}
	if since, err := time.Parse(time.RFC3339, acquired); err == nil {
		setGrace(object, since)
	}
}

// convertFromHub moves the members of the status into the annotations.
func convertFromHub(object map[string]any) {
	var taken, since string
	if answered(object) {
		taken, since = formatSnapshot(object), graceSince(object)
	}
	put(object, snapshotAnnotation(), taken)
	put(object, acquiredAnnotation(), since)
	snapshot().Remove(object)
	conditions().Remove(object)
}

// answered tells whether the request has a phase. Without one the status goes: v1beta1 refuses an empty phase, and then every later write.
func answered(object map[string]any) bool {
	value, _ := phase().Get(object)
	if text, ok := value.(string); ok && text != "" {
		return true
	}
	conversion.Path{"status"}.Remove(object)
	return false
}

// take removes the text at the path and returns it.
func take(object map[string]any, path conversion.Path) string {
	value, _ := path.Get(object)
	path.Remove(object)
	text, _ := value.(string)
	return text
}

// put sets the text at the path; an empty one removes it.
func put(object map[string]any, path conversion.Path, text string) {
	if text == "" {
		path.Remove(object)
	} else {
		path.Set(object, text)
	}
}

// parseSnapshot returns the containers that the annotation lists, as JSON; nil when it does not list any in the form it should.
func parseSnapshot(text string) []any {
	containers := []v1beta1.ContainerRecreateRequestContainerStatus{}
	if err := utiljson.Unmarshal([]byte(text), &containers); err != nil || containers == nil {
		return nil
	}
	parsed := make([]any, 0, len(containers))
	for _, c := range containers {
		container := map[string]any{"name": c.Name, "ready": c.Ready, "restartCount": int64(c.RestartCount)}
		if c.ContainerID != "" {
			container["containerID"] = c.ContainerID
		}
		parsed = append(parsed, container)
	}
	return parsed
}

// formatSnapshot returns the annotation for the containers of the status; empty when there is none or it does not have the form it should.
func formatSnapshot(object map[string]any) string {
	value, found := snapshot().Get(object)
	if !found {
		return ""
	}
	tree, err := json.Marshal(value)
	if err != nil {
		return ""
	}
	containers := []v1beta1.ContainerRecreateRequestContainerStatus{}
	if err := utiljson.Unmarshal(tree, &containers); err != nil {
		return ""
	}
	text, err := json.Marshal(containers)
	if err != nil {
		return ""
	}
	return string(text)
}

// setGrace makes condition PreRecreateGrace True since the time, and leaves other conditions as they are.
func setGrace(object map[string]any, since time.Time) {
	grace := map[string]any{
		"type":               v1beta1.PreRecreateGrace,
		"status":             string(metav1.ConditionTrue),
		"reason":             v1beta1.PreRecreateGrace,
		"message":            v1beta1.PreRecreateGraceMessage,
		"lastTransitionTime": since.UTC().Format(time.RFC3339),
	}
	kept := []any{}
	value, _ := conditions().Get(object)
	list, _ := value.([]any)
	for _, entry := range list {
		if condition, ok := entry.(map[string]any); !ok || condition["type"] != v1beta1.PreRecreateGrace {
			kept = append(kept, entry)
		}
	}
	conditions().Set(object, append(kept, grace))
}

// graceSince returns when condition PreRecreateGrace became True; empty when it is not.
func graceSince(object map[string]any) string {
	value, _ := conditions().Get(object)
	list, _ := value.([]any)
	for _, entry := range list {
		condition, _ := entry.(map[string]any)
		if condition["type"] != v1beta1.PreRecreateGrace || condition["status"] != string(metav1.ConditionTrue) {
			continue
		}
		text, _ := condition["lastTransitionTime"].(string)
		if since, err := time.Parse(time.RFC3339, text); err == nil {
			return since.UTC().Format(time.RFC3339)
		}
	}
	return ""
}
