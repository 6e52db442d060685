// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package launchpriority

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kruise.io/kruise/internal/pod/admission/admissiontest"
	"kruise.io/kruise/test/fixtures"
)

func annotated(key, value string) fixtures.PodModifier {
	return func(pod *corev1.Pod) {
		metav1.SetMetaDataAnnotation(&pod.ObjectMeta, "apps.kruise.io/container-launch-"+key, value)
	}
}

func startedAt(t time.Time) fixtures.PodModifier {
	return func(pod *corev1.Pod) { pod.Status.StartTime = &metav1.Time{Time: t} }
}

// When the user is told of containers that others wait for (pod-containers spec 8.15).
func TestLateness(t *testing.T) {
	type pod = []fixtures.PodModifier
	now := time.Date(2026, 1, 1, 0, 10, 0, 0, time.UTC)
	timeout := annotated("timeout-seconds", "60")
	first := []fixtures.PodModifier{withBarrier("a", 0, refused), withBarrier("b", 10, running), withBarrier("c", 10, ready)}
	for name, c := range map[string]struct {
		pod     pod
		justNow bool
		want    *lateness
	}{
		"no bound":          {pod: append(pod{startedAt(now.Add(-time.Hour))}, first...)},
		"not yet":           {pod: append(pod{timeout, startedAt(now.Add(-45 * time.Second))}, first...), want: &lateness{[]string{"b"}, []string{"a"}, 15 * time.Second}},
		"late":              {pod: append(pod{timeout, startedAt(now.Add(-time.Minute))}, first...), want: &lateness{[]string{"b"}, []string{"a"}, 0}},
		"not on a node":     {pod: append(pod{timeout}, first...), want: &lateness{[]string{"b"}, []string{"a"}, time.Minute}},
		"released just now": {pod: append(pod{timeout, startedAt(now.Add(-time.Hour))}, first...), justNow: true, want: &lateness{[]string{"b"}, []string{"a"}, time.Minute}},
		"an unreadable one": {pod: append(pod{annotated("timeout-seconds", "1m"), startedAt(now.Add(-time.Hour))}, first...)},
		"nobody waits":      {pod: pod{timeout, startedAt(now.Add(-time.Hour)), withBarrier("a", 0, running), withBarrier("b", 10, ready)}},
		"released meanwhile": {
			pod:  append(pod{timeout, startedAt(now.Add(-time.Hour)), annotated("priority-released", now.Add(-20*time.Second).Format(time.RFC3339Nano))}, first...),
			want: &lateness{[]string{"b"}, []string{"a"}, 40 * time.Second},
		},
		"released before it started": {
			pod:  append(pod{timeout, startedAt(now.Add(-time.Second)), annotated("priority-released", now.Add(-time.Hour).Format(time.RFC3339Nano))}, first...),
			want: &lateness{[]string{"b"}, []string{"a"}, 59 * time.Second},
		},
	} {
		t.Run(name, func(t *testing.T) {
			pod := barrierPod(c.pod...)
			n, due := needOf(pod)
			if !due {
				t.Fatal("nothing to do")
			}
			if diff := cmp.Diff(c.want, latenessOf(pod, n, c.justNow, now), cmp.AllowUnexported(lateness{})); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestTimeoutIsAdmitted(t *testing.T) {
	for text, ok := range map[string]bool{"1": true, "600": true, "0": false, "-1": false, "1m": false, "": false, "99999999999": false} {
		pod := podOf(env{priority("1")}, nil)
		annotated("timeout-seconds", text)(pod)
		err := admissiontest.Admit(context.Background(), Admission{}, "default", pod)
		if ok != (err == nil) || err != nil && (!apierrors.IsInvalid(err) || !strings.Contains(err.Error(), "metadata.annotations[apps.kruise.io/container-launch-timeout-seconds]")) {
			t.Errorf("%q gives %v", text, err)
		}
	}
	plain := podOf(nil, nil)
	annotated("timeout-seconds", "x")(plain)
	if err := admissiontest.Admit(context.Background(), Admission{}, "default", plain); err != nil {
		t.Errorf("a Pod without priorities gets %v", err)
	}
}
