// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"context"
	"encoding/json"
	"fmt"
	"math"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/api/apps/v1beta1"
)

// newStatus counts the matched Pods (sidecarset spec 2.4), and says what the plan is for those that were missed.
func newStatus(s *snapshot, p *plan, r *revisions) v1beta1.SidecarSetStatus {
	status := v1beta1.SidecarSetStatus{
		ObservedGeneration: s.set.Generation, LatestRevision: r.latest.Name, CollisionCount: &r.collisionCount,
		MissedPods: int32(min(len(s.missed), math.MaxInt32)), Conditions: conditions(s, p),
	}
	for _, p := range s.pods {
		count(&status.MatchedPods, true)
		count(&status.UpdatedPods, p.updated)
		count(&status.ReadyPods, p.available())
		count(&status.UpdatedReadyPods, p.updated && p.available())
	}
	return status
}

func count(n *int32, yes bool) {
	if yes {
		*n++
	}
}

// writeStatus replaces the status in one write, if it changed. It does not carry a resourceVersion: a change of the spec meanwhile shows
// in the generation, and what was observed is the one that was processed.
func (r *Reconciler) writeStatus(ctx context.Context, set *v1beta1.SidecarSet, status v1beta1.SidecarSetStatus) error {
	if equality.Semantic.DeepEqual(set.Status, status) {
		return nil
	}
	patch, err := json.Marshal([]map[string]any{
		{"op": "test", "path": "/metadata/uid", "value": set.UID},
		{"op": "add", "path": "/status", "value": status},
	})
	if err != nil {
		return fmt.Errorf("encode status: %w", err)
	}
	written := &v1beta1.SidecarSet{ObjectMeta: metav1.ObjectMeta{Name: set.Name}}
	if err := r.client.Status().Patch(ctx, written, client.RawPatch(types.JSONPatchType, patch)); err != nil {
		return fmt.Errorf("write status: %w", err)
	}
	r.tracker.Wrote(client.ObjectKeyFromObject(set), written)
	return nil
}
