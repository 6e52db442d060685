// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package clonesetspec converts the spec of a CloneSet between the forms that v1alpha1 and v1beta1 give it (cloneset spec 6 and 8.4),
// wherever one stands: in a CloneSet, or in the template of another kind.
package clonesetspec

import (
	"strconv"

	"kruise.io/kruise/api/apps/v1alpha1"
	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/conversion"
)

// Parts are the parts of a CloneSet in which its versions differ.
func Parts() []conversion.Path {
	settings := preDownloadSettings()
	parts := make([]conversion.Path, 0, 3+len(settings))
	parts = append(parts, conversion.Path{"spec", "updateStrategy"}, conversion.Path{"spec", "scaleStrategy"}, excludePreparingDeleteLabel())
	for _, setting := range settings {
		parts = append(parts, setting.annotation)
	}
	return parts
}

// RollingUpdateFields have the same name and form in updateStrategy of v1alpha1 and updateStrategy.rollingUpdate of v1beta1.
func RollingUpdateFields() []string {
	return []string{"partition", "maxUnavailable", "maxSurge", "paused", "priorityStrategy", "scatterStrategy", "inPlaceUpdateStrategy"}
}

// ToHub turns metadata and spec of a CloneSet into the form of v1beta1.
func ToHub(object map[string]any) {
	spec, ok := object["spec"].(map[string]any)
	if !ok {
		return
	}
	flat := mapOf(spec["updateStrategy"])
	rolling := pick(flat, RollingUpdateFields())
	strategy := map[string]any{"type": string(v1beta1.RollingUpdateCloneSetUpdateStrategyType), "rollingUpdate": rolling}
	switch policy := flat["type"]; {
	case policy == string(v1alpha1.OnDeleteCloneSetUpdateStrategyType):
		strategy["type"] = string(v1beta1.OnDeleteCloneSetUpdateStrategyType)
		if len(rolling) == 0 {
			delete(strategy, "rollingUpdate")
		}
	case inPlace(policy):
		rolling["podUpdatePolicy"] = policy
		// An all-zero block goes down as none: here it comes back.
		rolling["inPlaceUpdateStrategy"] = mapOf(rolling["inPlaceUpdateStrategy"])
	default:
		rolling["podUpdatePolicy"] = string(v1beta1.RecreateCloneSetPodUpdatePolicyType)
	}
	readPreDownload(object, rolling)
	spec["updateStrategy"] = strategy

	scale := mapOf(spec["scaleStrategy"])
	scale["enablePVCReuse"] = scale["disablePVCReuse"] != true
	delete(scale, "disablePVCReuse")
	delete(scale, "excludePreparingDelete")
	if excludesPreparingDelete(object) {
		scale["excludePreparingDelete"] = true
	}
	spec["scaleStrategy"] = scale
}

// FromHub turns metadata and spec of a CloneSet into the form of v1alpha1.
func FromHub(object map[string]any) {
	spec, ok := object["spec"].(map[string]any)
	if !ok {
		return
	}
	strategy := mapOf(spec["updateStrategy"])
	rolling := mapOf(strategy["rollingUpdate"])
	flat := pick(rolling, RollingUpdateFields())
	switch policy := rolling["podUpdatePolicy"]; {
	case strategy["type"] == string(v1beta1.OnDeleteCloneSetUpdateStrategyType):
		flat["type"] = string(v1alpha1.OnDeleteCloneSetUpdateStrategyType)
	case inPlace(policy):
		flat["type"] = policy
	default:
		flat["type"] = string(v1alpha1.RecreateCloneSetUpdateStrategyType)
	}
	inPlaceStrategy := mapOf(flat["inPlaceUpdateStrategy"])
	writePreDownload(object, inPlaceStrategy)
	delete(flat, "inPlaceUpdateStrategy")
	if grace := inPlaceStrategy["gracePeriodSeconds"]; grace != nil && grace != int64(0) {
		flat["inPlaceUpdateStrategy"] = map[string]any{"gracePeriodSeconds": grace}
	}
	spec["updateStrategy"] = flat

	scale := mapOf(spec["scaleStrategy"])
	if scale["enablePVCReuse"] != true {
		scale["disablePVCReuse"] = true
	}
	writeExcludePreparingDelete(object, scale["excludePreparingDelete"] == true)
	delete(scale, "enablePVCReuse")
	delete(scale, "excludePreparingDelete")
	spec["scaleStrategy"] = scale
	if len(scale) == 0 {
		delete(spec, "scaleStrategy")
	}
}

func inPlace(policy any) bool {
	return policy == string(v1beta1.InPlaceIfPossibleCloneSetPodUpdatePolicyType) ||
		policy == string(v1beta1.InPlaceOnlyCloneSetPodUpdatePolicyType)
}

func excludePreparingDeleteLabel() conversion.Path {
	return conversion.Path{"metadata", "labels", v1beta1.CloneSetExcludePreparingDeleteLabel}
}

func excludesPreparingDelete(object map[string]any) bool {
	value, _ := excludePreparingDeleteLabel().Get(object)
	return value == "true"
}

// writeExcludePreparingDelete makes the label say what the field says, and leaves alone a label that already does.
func writeExcludePreparingDelete(object map[string]any, exclude bool) {
	switch {
	case excludesPreparingDelete(object) == exclude:
	case exclude:
		excludePreparingDeleteLabel().Set(object, "true")
	default:
		excludePreparingDeleteLabel().Remove(object)
	}
}

// preDownloadSetting is a setting of the image pre-download: a field of inPlaceUpdateStrategy in v1beta1, an annotation in v1alpha1.
type preDownloadSetting struct {
	field      string
	annotation conversion.Path
	// parse gives the value of the field, or nil when the annotation says nothing.
	parse func(text string) any
}

func preDownloadSettings() []preDownloadSetting {
	number := func(text string) any {
		if n, err := strconv.ParseInt(text, 10, 32); err == nil {
			return n
		}
		return nil
	}
	numberOrText := func(text string) any {
		if n := number(text); n != nil || text == "" {
			return n
		}
		return text
	}
	annotation := func(key string) conversion.Path { return conversion.Path{"metadata", "annotations", key} }
	return []preDownloadSetting{
		{"imagePreDownloadParallelism", annotation(v1beta1.ImagePreDownloadParallelismAnnotation), numberOrText},
		{"imagePreDownloadTimeoutSeconds", annotation(v1beta1.ImagePreDownloadTimeoutSecondsAnnotation), number},
		{"imagePreDownloadMinUpdatedReadyPods", annotation(v1beta1.ImagePreDownloadMinUpdatedReadyPodsAnnotation), number},
	}
}

// read gives what the annotation of the object means for the field; nil is nothing.
func (s preDownloadSetting) read(object map[string]any) any {
	value, _ := s.annotation.Get(object)
	if text, ok := value.(string); ok {
		return s.parse(text)
	}
	return nil
}

// readPreDownload makes the fields say exactly what the annotations say.
func readPreDownload(object, rolling map[string]any) {
	strategy, present := rolling["inPlaceUpdateStrategy"].(map[string]any)
	strategy = mapOf(strategy)
	for _, setting := range preDownloadSettings() {
		delete(strategy, setting.field)
		if value := setting.read(object); value != nil {
			strategy[setting.field] = value
		}
	}
	if present || len(strategy) > 0 {
		rolling["inPlaceUpdateStrategy"] = strategy
	}
}

// writePreDownload makes the annotations say exactly what the fields say, and leaves alone those that already do.
func writePreDownload(object, strategy map[string]any) {
	for _, setting := range preDownloadSettings() {
		value := strategy[setting.field]
		if value == setting.read(object) {
			continue
		}
		switch value := value.(type) {
		case int64:
			setting.annotation.Set(object, strconv.FormatInt(value, 10))
		case string:
			setting.annotation.Set(object, value)
		default:
			setting.annotation.Remove(object)
		}
	}
}

// mapOf returns the map itself, or a new one when the value is none.
func mapOf(value any) map[string]any {
	if m, ok := value.(map[string]any); ok && m != nil {
		return m
	}
	return map[string]any{}
}

// pick returns the named fields that are there.
func pick(from map[string]any, names []string) map[string]any {
	picked := map[string]any{}
	for _, name := range names {
		if value := from[name]; value != nil {
			picked[name] = value
		}
	}
	return picked
}
