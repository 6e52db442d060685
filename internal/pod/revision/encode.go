// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package revision

import (
	"cmp"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/rand"
)

// object is a JSON object, decoded without a Go type.
type object = map[string]any

// Encode gives the data of the revision that holds the template: the strategic merge patch that puts it back into the workload,
// with the keys sorted at every level and no white space (in-place-update spec 3.17).
//
// Fields that are structs were always printed by the libraries that OpenKruise was built with, empty or not, and newer ones leave
// some of them out. They are put back, because the bytes decide the name of the revision.
func Encode(t *corev1.PodTemplateSpec) ([]byte, error) {
	typed, err := json.Marshal(t)
	if err != nil {
		return nil, fmt.Errorf("encode Pod template: %w", err)
	}
	var template object
	if err := utiljson.Unmarshal(typed, &template); err != nil {
		return nil, fmt.Errorf("encode Pod template: %w", err)
	}
	template["$patch"] = "replace"
	ensure(child(template, "metadata"), "creationTimestamp", nil)
	completeSpec(child(template, "spec"))
	data, err := json.Marshal(object{"spec": object{"template": template}})
	if err != nil {
		return nil, fmt.Errorf("encode Pod template: %w", err)
	}
	return data, nil
}

// completeSpec puts the empty structs into a Pod spec that the older libraries print in it.
func completeSpec(spec object) {
	for _, list := range []string{"initContainers", "containers", "ephemeralContainers"} {
		for container := range objects(spec[list]) {
			ensure(container, "resources", object{})
		}
	}
	for volume := range objects(spec["volumes"]) {
		ephemeral, _ := volume["ephemeral"].(object)
		claim, ok := ephemeral["volumeClaimTemplate"].(object)
		if !ok {
			continue
		}
		ensure(child(claim, "metadata"), "creationTimestamp", nil)
		ensure(child(claim, "spec"), "resources", object{})
	}
}

// child is the object at key, put there when it is missing.
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

// objects yields the objects of a list.
func objects(list any) func(yield func(object) bool) {
	return func(yield func(object) bool) {
		items, _ := list.([]any)
		for _, item := range items {
			if o, ok := item.(object); ok && !yield(o) {
				return
			}
		}
	}
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

// HashClaimTemplates is the hash, in decimal, of the names and specs of claim templates in any order; empty when there are none
// (cloneset spec 3.6). OpenKruise computes the same one, and a revision whose hash differs forbids updates in place with gate
// RecreatePodWhenChangeVCTInCloneSetGate.
func HashClaimTemplates(claims []corev1.PersistentVolumeClaim) string {
	if len(claims) == 0 {
		return ""
	}
	sorted := slices.Clone(claims)
	slices.SortStableFunc(sorted, func(a, b corev1.PersistentVolumeClaim) int { return cmp.Compare(a.Name, b.Name) })

	reduced := make([]reducedClaim, len(sorted))
	for i := range sorted {
		reduced[i].Metadata.Name = sorted[i].Name
		reduced[i].Spec = sorted[i].Spec
	}
	// A claim holds nothing that JSON cannot express.
	data, _ := json.Marshal(reduced)
	return strconv.FormatUint(uint64(deepHash(data)), 10)
}

// reducedClaim is what of a claim template enters its hash. The empty timestamp and status belong to the bytes, whatever the
// library prints for a claim today.
type reducedClaim struct {
	Metadata struct {
		Name              string  `json:"name"`
		CreationTimestamp *string `json:"creationTimestamp"`
	} `json:"metadata"`
	Spec   corev1.PersistentVolumeClaimSpec `json:"spec"`
	Status struct{}                         `json:"status"`
}

// deepHash is the hash that Kubernetes takes of bytes: 32-bit FNV-1a of their Go dump (in-place-update spec 3.8).
func deepHash(data []byte) uint32 {
	text := make([]byte, 0, len("([]uint8)[]")+4*len(data))
	text = append(text, "([]uint8)["...)
	for i, b := range data {
		if i > 0 {
			text = append(text, ' ')
		}
		text = strconv.AppendUint(text, uint64(b), 10)
	}
	text = append(text, ']')
	sum := fnv.New32a()
	_, _ = sum.Write(text)
	return sum.Sum32()
}
