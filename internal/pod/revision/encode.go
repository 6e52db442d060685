// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package revision

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"iter"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/rand"
)

// Encode gives the data of the revision that holds the template: the strategic merge patch that puts it back into the workload,
// with the keys sorted at every level and no white space (in-place-update spec 3.17).
func Encode(t *corev1.PodTemplateSpec) ([]byte, error) {
	template, err := treeOf(t)
	if err != nil {
		return nil, err
	}
	return encodeTree(template)
}

// encodeTree makes the data of a revision of a template's tree, which it changes.
func encodeTree(template object) ([]byte, error) {
	template["$patch"] = "replace"
	data, err := json.Marshal(object{"spec": object{"template": template}})
	if err != nil {
		return nil, fmt.Errorf("encode Pod template: %w", err)
	}
	return data, nil
}

// decode reads the Pod template out of the data of a revision.
func decode(data []byte) (*corev1.PodTemplateSpec, error) {
	var patch struct {
		Spec struct {
			Template *corev1.PodTemplateSpec `json:"template"`
		} `json:"spec"`
	}
	if err := utiljson.Unmarshal(data, &patch); err != nil {
		return nil, err
	}
	if patch.Spec.Template == nil {
		return nil, errors.New("it holds no Pod template")
	}
	return patch.Spec.Template, nil
}

// Hash is the short hash of a revision with this data (in-place-update spec 3.17). The collision count sets revisions apart whose
// data would have the same hash.
func Hash(data []byte, collisionCount int32) string {
	sum := fnv.New32()
	// Writing to a hash never fails.
	_, _ = sum.Write(data)
	_, _ = sum.Write(strconv.AppendInt(nil, int64(collisionCount), 10))
	return rand.SafeEncodeString(strconv.FormatUint(uint64(sum.Sum32()), 10))
}

// object is a JSON object without a Go type.
type object = map[string]any

// treeOf is the template as a JSON object.
//
// The libraries that OpenKruise was built with print certain fields always, empty or not, which newer ones leave out. They are
// put back, because the bytes decide the name of a revision.
func treeOf(t *corev1.PodTemplateSpec) (object, error) {
	data, err := json.Marshal(t)
	if err != nil {
		return nil, fmt.Errorf("encode Pod template: %w", err)
	}
	var template object
	if err := utiljson.Unmarshal(data, &template); err != nil {
		return nil, fmt.Errorf("encode Pod template: %w", err)
	}
	ensure(child(template, "metadata"), "creationTimestamp", nil)
	spec := child(template, "spec")
	for _, list := range []string{"initContainers", "containers", "ephemeralContainers"} {
		for container := range objectsIn(spec[list]) {
			ensure(container, "resources", object{})
		}
	}
	CompleteVolumes(spec["volumes"])
	return template, nil
}

// CompleteVolumes puts back what treeOf does into a decoded list of volumes.
func CompleteVolumes(volumes any) {
	for volume := range objectsIn(volumes) {
		ephemeral, _ := volume["ephemeral"].(object)
		if claim, ok := ephemeral["volumeClaimTemplate"].(object); ok {
			ensure(child(claim, "metadata"), "creationTimestamp", nil)
			ensure(child(claim, "spec"), "resources", object{})
		}
	}
}

// child is the object at key, put there if it is missing.
func child(parent object, key string) object {
	if c, ok := parent[key].(object); ok {
		return c
	}
	c := object{}
	parent[key] = c
	return c
}

// ensure sets key unless it is there.
func ensure(o object, key string, value any) {
	if _, ok := o[key]; !ok {
		o[key] = value
	}
}

// objectsIn yields the objects of a list.
func objectsIn(list any) iter.Seq[object] {
	return func(yield func(object) bool) {
		items, _ := list.([]any)
		for _, item := range items {
			if o, ok := item.(object); ok && !yield(o) {
				return
			}
		}
	}
}
