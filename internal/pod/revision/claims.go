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

	"kruise.io/kruise/api/apps/v1beta1"
)

// ClaimTemplatesAnnotation on a ControllerRevision holds the claim templates of that revision as a JSON list. They stand outside of
// the hashed data, so that a change of the claim templates alone makes no revision.
const ClaimTemplatesAnnotation = "apps.kruise.io/volume-claim-templates"

// HashClaimTemplates is the hash, in decimal, of the names and specs of claim templates in any order; empty when there are none
// (cloneset spec 3.6). OpenKruise computes the same one, and a revision whose hash differs forbids updates in place with gate
// RecreatePodWhenChangeVCTInCloneSetGate.
func HashClaimTemplates(claims []corev1.PersistentVolumeClaim) string {
	if len(claims) == 0 {
		return ""
	}
	sorted := slices.Clone(claims)
	slices.SortStableFunc(sorted, func(a, b corev1.PersistentVolumeClaim) int { return cmp.Compare(a.Name, b.Name) })

	hashed := make([]hashedClaim, len(sorted))
	for i := range sorted {
		hashed[i].Metadata.Name = sorted[i].Name
		hashed[i].Spec = sorted[i].Spec
	}
	// A claim holds nothing that JSON cannot express.
	data, _ := json.Marshal(hashed)
	return strconv.FormatUint(uint64(DeepHash(data)), 10)
}

// hashedClaim is what of a claim template enters its hash. The empty timestamp and status belong to the bytes, whatever the
// library prints for a claim today.
type hashedClaim struct {
	Metadata struct {
		Name              string  `json:"name"`
		CreationTimestamp *string `json:"creationTimestamp"`
	} `json:"metadata"`
	Spec   corev1.PersistentVolumeClaimSpec `json:"spec"`
	Status struct{}                         `json:"status"`
}

// DeepHash is the hash that Kubernetes takes of the JSON of a value: 32-bit FNV-1a of its bytes, printed as a Go slice
// (in-place-update spec 3.8).
func DeepHash(data []byte) uint32 {
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
	// Writing to a hash never fails.
	_, _ = sum.Write(text)
	return sum.Sum32()
}

// claimAnnotations are the annotations by which a revision keeps claim templates: their hash for every reader, themselves for us.
func claimAnnotations(claims []corev1.PersistentVolumeClaim) (map[string]string, error) {
	kept := make([]corev1.PersistentVolumeClaim, len(claims))
	for i := range claims {
		kept[i] = claims[i]
		kept[i].Status = corev1.PersistentVolumeClaimStatus{}
	}
	data, err := json.Marshal(kept)
	if err != nil {
		return nil, fmt.Errorf("encode claim templates: %w", err)
	}
	return map[string]string{
		v1beta1.CloneSetClaimTemplateHashAnnotation: HashClaimTemplates(claims),
		ClaimTemplatesAnnotation:                    string(data),
	}, nil
}

// ClaimTemplates are the claim templates that the workload had when this revision was created, or when a rollback last made it the
// newest again. ok is false when the revision does not say: OpenKruise keeps only a hash of them.
func (r *Revision) ClaimTemplates() (claims []corev1.PersistentVolumeClaim, ok bool) {
	text, kept := r.Object.Annotations[ClaimTemplatesAnnotation]
	if !kept {
		hash, hashed := r.Object.Annotations[v1beta1.CloneSetClaimTemplateHashAnnotation]
		return nil, hashed && hash == ""
	}
	if err := json.Unmarshal([]byte(text), &claims); err != nil {
		return nil, false
	}
	return claims, true
}

// ClaimTemplatesDiffer tells whether both revisions say which claim templates they had, and these differ. A revision that does not
// say is no reason to recreate Pods (in-place-update spec 3.2).
func ClaimTemplatesDiffer(a, b *Revision) bool {
	x, saysA := a.Object.Annotations[v1beta1.CloneSetClaimTemplateHashAnnotation]
	y, saysB := b.Object.Annotations[v1beta1.CloneSetClaimTemplateHashAnnotation]
	return saysA && saysB && x != y
}
