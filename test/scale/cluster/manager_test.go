// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import "testing"

func TestPodReviewsAreThoseOfPodWebhooks(t *testing.T) {
	const metrics = `# HELP kruise_webhook_decisions_total Admission requests by webhook and decision: allowed, changed, denied or failed.
# TYPE kruise_webhook_decisions_total counter
kruise_webhook_decisions_total{decision="allowed",webhook="/mutate-apps-kruise-io-cloneset"} 400
kruise_webhook_decisions_total{decision="allowed",webhook="/mutate-pod"} 3
kruise_webhook_decisions_total{decision="changed",webhook="/mutate-pod"} 1.5e+01
kruise_webhook_decisions_total{decision="denied",webhook="/validate-pod"} 2
kruise_manager_is_leader 1
`
	got, err := podReviews([]byte(metrics))
	if err != nil || got != 20 {
		t.Errorf("podReviews = %v, %v, want 20", got, err)
	}
	if got, err := podReviews(nil); err != nil || got != 0 {
		t.Errorf("podReviews of nothing = %v, %v", got, err)
	}
}
