// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package uniteddeployment runs one workload in each of several groups of nodes, and divides replicas among them.
package uniteddeployment

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"kruise.io/kruise/api/apps/v1alpha1"
	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/conversion"
	"kruise.io/kruise/internal/platform/conversion/clonesetspec"
)

// Conversion knows how v1alpha1 and v1beta1 of UnitedDeployment convert into each other (uniteddeployment spec 6 and 8.1).
func Conversion() conversion.Kind {
	return conversion.Kind{
		GroupKind: schema.GroupKind{Group: v1beta1.GroupVersion.Group, Kind: "UnitedDeployment"},
		Hub:       v1beta1.GroupVersion.Version,
		Spokes: []conversion.Spoke{{
			Version: v1alpha1.GroupVersion.Version,
			Parts:   parts(),
			ToHub:   convertToHub,
			// v1alpha1 lets in the form of v1beta1 as well.
			FromHub:       func(map[string]any) {},
			StatusToHub:   convertStatusToHub,
			StatusFromHub: convertStatusFromHub,
		}},
	}
}

func cloneSetTemplate() conversion.Path {
	return conversion.Path{"spec", "template", "cloneSetTemplate"}
}

func parts() []conversion.Path {
	parts := clonesetspec.Parts()
	found := make([]conversion.Path, 0, len(parts))
	for _, path := range parts {
		found = append(found, slices.Concat(cloneSetTemplate(), path))
	}
	return found
}

// convertToHub turns a CloneSet template of the older form, or of both mixed, into that of v1beta1. Where both say something, that of
// v1beta1 counts, but enablePVCReuse only when true: false may be a default that the schema has put in.
func convertToHub(object map[string]any) {
	value, _ := cloneSetTemplate().Get(object)
	template, _ := value.(map[string]any)
	spec, _ := template["spec"].(map[string]any)
	if !olderForm(spec) {
		return
	}
	given, _ := spec["updateStrategy"].(map[string]any)
	rolling, _ := given["rollingUpdate"].(map[string]any)
	scale, _ := spec["scaleStrategy"].(map[string]any)
	reuse, exclude := scale["enablePVCReuse"] == true, scale["excludePreparingDelete"] == true

	clonesetspec.ToHub(template)
	for name, value := range rolling {
		conversion.Path{"updateStrategy", "rollingUpdate", name}.Set(spec, value)
	}
	if reuse {
		conversion.Path{"scaleStrategy", "enablePVCReuse"}.Set(spec, true)
	}
	if exclude {
		conversion.Path{"scaleStrategy", "excludePreparingDelete"}.Set(spec, true)
	}
}

// olderForm tells whether a CloneSet spec says something that only the form of v1alpha1 can say.
func olderForm(spec map[string]any) bool {
	strategy, _ := spec["updateStrategy"].(map[string]any)
	for _, name := range clonesetspec.RollingUpdateFields() {
		if strategy[name] != nil {
			return true
		}
	}
	switch strategy["type"] {
	case string(v1alpha1.RecreateCloneSetUpdateStrategyType), string(v1alpha1.InPlaceIfPossibleCloneSetUpdateStrategyType),
		string(v1alpha1.InPlaceOnlyCloneSetUpdateStrategyType):
		return true
	}
	scale, _ := spec["scaleStrategy"].(map[string]any)
	return scale["disablePVCReuse"] != nil
}

// convertStatusToHub moves what v1alpha1 says in maps by subset name into the entries of the subsets.
func convertStatusToHub(object map[string]any) {
	status, ok := object["status"].(map[string]any)
	if !ok {
		return
	}
	update, _ := status["updateStatus"].(map[string]any)
	if revision, found := update["updatedRevision"]; found {
		status["updatedRevision"] = revision
	}
	replicas, partitions := numbers(status["subsetReplicas"]), numbers(update["currentPartitions"])
	delete(status, "updateStatus")
	delete(status, "subsetReplicas")

	entries, _ := status["subsetStatuses"].([]any)
	byName := entriesByName(entries)
	for _, name := range inOrder(object, slices.Concat(slices.Collect(maps.Keys(replicas)), slices.Collect(maps.Keys(partitions)))) {
		if byName[name] == nil {
			byName[name] = map[string]any{"name": name}
			entries = append(entries, byName[name])
		}
	}
	for name, n := range replicas {
		setNumber(byName[name], "replicas", n)
	}
	for name, n := range partitions {
		setNumber(byName[name], "partition", n)
	}
	if len(entries) > 0 {
		status["subsetStatuses"] = entries
	}
}

// convertStatusFromHub adds the maps by subset name to the entries of the subsets, which v1alpha1 has too.
func convertStatusFromHub(object map[string]any) {
	status, ok := object["status"].(map[string]any)
	if !ok {
		return
	}
	entries, _ := status["subsetStatuses"].([]any)
	replicas, partitions := map[string]any{}, map[string]any{}
	for name, entry := range entriesByName(entries) {
		replicas[name], partitions[name] = number(entry["replicas"]), number(entry["partition"])
	}
	update := map[string]any{}
	if revision, ok := status["updatedRevision"].(string); ok {
		delete(status, "updatedRevision")
		if revision != "" {
			update["updatedRevision"] = revision
		}
	}
	delete(status, "subsetReplicas")
	delete(status, "updateStatus")
	if len(replicas) > 0 {
		status["subsetReplicas"], update["currentPartitions"] = replicas, partitions
	}
	if len(entries) > 0 || len(update) > 0 {
		status["updateStatus"] = update
	}
}

// entriesByName are the entries of subset statuses that have a name; of several with one name the first.
func entriesByName(entries []any) map[string]map[string]any {
	byName := map[string]map[string]any{}
	for _, value := range entries {
		entry, _ := value.(map[string]any)
		if name, _ := entry["name"].(string); name != "" && byName[name] == nil {
			byName[name] = entry
		}
	}
	return byName
}

// numbers are the integers of a map by subset name.
func numbers(value any) map[string]int64 {
	found := map[string]int64{}
	entries, _ := value.(map[string]any)
	for name, value := range entries {
		if n, ok := value.(int64); ok && name != "" {
			found[name] = n
		}
	}
	return found
}

func number(value any) int64 {
	n, _ := value.(int64)
	return n
}

// setNumber makes the field say the number; a field that is absent says 0.
func setNumber(entry map[string]any, field string, n int64) {
	switch {
	case number(entry[field]) == n:
	case n == 0:
		delete(entry, field)
	default:
		entry[field] = n
	}
}

// inOrder sorts names of subsets: first those of the spec in its order, then others by name.
func inOrder(object map[string]any, names []string) []string {
	value, _ := conversion.Path{"spec", "topology", "subsets"}.Get(object)
	subsets, _ := value.([]any)
	var ordered []string
	for _, value := range subsets {
		subset, _ := value.(map[string]any)
		if name, _ := subset["name"].(string); slices.Contains(names, name) {
			ordered = append(ordered, name)
		}
	}
	slices.Sort(names)
	return append(ordered, names...)
}
