// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiversion "k8s.io/apimachinery/pkg/version"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"kruise.io/kruise/internal/platform/certs"
	"kruise.io/kruise/internal/platform/webhook"
	"kruise.io/kruise/internal/workload/cloneset"
)

func TestParseServerVersion(t *testing.T) {
	tests := map[string]struct {
		info apiversion.Info
		want string
	}{
		"plain":               {apiversion.Info{GitVersion: "v1.37.2"}, "1.37.2"},
		"GKE":                 {apiversion.Info{GitVersion: "v1.32.1-gke.5", Major: "1", Minor: "32"}, "1.32.1"},
		"EKS":                 {apiversion.Info{GitVersion: "v1.31.2-eks-7f9249a", Major: "1", Minor: "31+"}, "1.31.2"},
		"plus":                {apiversion.Info{GitVersion: "v1.32.0+k3s1"}, "1.32.0"},
		"only minor":          {apiversion.Info{Major: "1", Minor: "32+"}, "1.32"},
		"odd git version":     {apiversion.Info{GitVersion: "release-x", Major: "1", Minor: "28-custom"}, "1.28"},
		"built without flags": {apiversion.Info{GitVersion: "v0.0.0-master", Major: "1", Minor: "37"}, "1.37"},
	}
	for name, test := range tests {
		got, err := parseServerVersion(&test.info)
		if err != nil || got.String() != test.want {
			t.Errorf("%s: %v, %v, want %s", name, got, err, test.want)
		}
	}
	for _, info := range []apiversion.Info{{}, {GitVersion: "x", Major: "x", Minor: "y"}, {GitVersion: "v0.0.0"}} {
		if got, err := parseServerVersion(&info); err == nil {
			t.Errorf("%v gives %s", info, got)
		}
	}
}

// Audit logs and the API server's priority and fairness tell the parts of the manager apart (manager specification, section 2).
func TestUserAgents(t *testing.T) {
	m := &Manager{config: &rest.Config{UserAgent: userAgent}}
	for name, want := range map[string]string{
		cloneset.ControllerName: "kruise-manager/cloneset-controller", webhook.ControllerName: "kruise-manager/webhook-controller",
	} {
		if got := m.configFor(name).UserAgent; got != want {
			t.Errorf("%s speaks as %q, want %q", name, got, want)
		}
	}
	if m.config.UserAgent != "kruise-manager" {
		t.Errorf("the manager speaks as %q", m.config.UserAgent)
	}
}

func TestMemoryLimit(t *testing.T) {
	if _, limited := MemoryLimit(func(string) string { return "1GiB" }); limited {
		t.Error("a limit is set over the user's own")
	}
	for text, want := range map[string]int64{"1000\n": 900, "max\n": 0, "9223372036854771712\n": 0, "": 0, "-1": 0} {
		if got, limited := shareOf(text); got != want || limited != (want > 0) {
			t.Errorf("%q gives %d, %t, want %d", text, got, limited, want)
		}
	}
}

func TestCachesHoldNothingThatNobodyReads(t *testing.T) {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: "a", Labels: map[string]string{"app": "a"},
			Annotations:   map[string]string{corev1.LastAppliedConfigAnnotation: "{}", "keep": "me"},
			ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "kubectl"}},
		},
		Spec: corev1.PodSpec{
			NodeName:       "node",
			Tolerations:    []corev1.Toleration{{Key: "a"}},
			ReadinessGates: []corev1.PodReadinessGate{{ConditionType: "InPlaceUpdateReady"}},
			Volumes:        []corev1.Volume{{Name: "data"}},
			Containers: []corev1.Container{{
				Name: "main", Image: "app:1", Command: []string{"run"}, LivenessProbe: &corev1.Probe{},
				Env:          []corev1.EnvVar{{Name: "A"}},
				Ports:        []corev1.ContainerPort{{ContainerPort: 80}},
				VolumeMounts: []corev1.VolumeMount{{Name: "data"}},
			}},
		},
		Status: corev1.PodStatus{
			Phase: corev1.PodRunning, PodIP: "10.0.0.1", PodIPs: []corev1.PodIP{{IP: "10.0.0.1"}},
			Conditions: []corev1.PodCondition{
				{Type: corev1.PodScheduled, Status: corev1.ConditionTrue}, {Type: corev1.PodReady, Status: corev1.ConditionTrue},
				{Type: "example.com/gate", Status: corev1.ConditionTrue},
			},
			ContainerStatuses: []corev1.ContainerStatus{{
				Name: "main", ImageID: "id", RestartCount: 2, AllocatedResources: corev1.ResourceList{"cpu": resource.MustParse("1")},
				LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1}},
			}},
		},
	}
	want := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "a", Labels: map[string]string{"app": "a"}, Annotations: map[string]string{"keep": "me"}},
		Spec: corev1.PodSpec{
			NodeName:       "node",
			ReadinessGates: []corev1.PodReadinessGate{{ConditionType: "InPlaceUpdateReady"}},
			Containers:     []corev1.Container{{Name: "main", Image: "app:1", Env: []corev1.EnvVar{{Name: "A"}}}},
		},
		Status: corev1.PodStatus{
			Phase: corev1.PodRunning,
			Conditions: []corev1.PodCondition{
				{Type: corev1.PodReady, Status: corev1.ConditionTrue}, {Type: "example.com/gate", Status: corev1.ConditionTrue},
			},
			ContainerStatuses: []corev1.ContainerStatus{{Name: "main", ImageID: "id", RestartCount: 2}},
		},
	}
	got, err := trimmed(trimPod)(pod)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	tombstone := toolscache.DeletedFinalStateUnknown{Key: "a"}
	if got, err := trimmed(trimPod)(tombstone); err != nil || got != tombstone {
		t.Errorf("a tombstone becomes %v, %v", got, err)
	}
}

// Lists of resources that say the same are one list; those that do not stay as they are.
func TestCachesHoldEqualResourcesOnce(t *testing.T) {
	list := func(cpu string) corev1.ResourceList { return corev1.ResourceList{"cpu": resource.MustParse(cpu)} }
	pod := &corev1.Pod{
		Spec: corev1.PodSpec{Containers: []corev1.Container{
			{Name: "same", Resources: corev1.ResourceRequirements{Limits: list("1"), Requests: list("1000m")}},
			{Name: "other", Resources: corev1.ResourceRequirements{Limits: list("2"), Requests: list("1")}},
		}},
		Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{
			{Name: "other", Resources: &corev1.ResourceRequirements{Limits: list("2"), Requests: corev1.ResourceList{"memory": resource.MustParse("1")}}},
			{Name: "same", Resources: &corev1.ResourceRequirements{Limits: list("1"), Requests: list("1")}},
			{Name: "unknown", Resources: &corev1.ResourceRequirements{Limits: list("1")}},
		}},
	}
	want := pod.DeepCopy()
	trimPod(pod)
	if !equality.Semantic.DeepEqual(want, pod) {
		t.Errorf("-want +got:\n%s", cmp.Diff(want, pod))
	}
	one := func(lists ...corev1.ResourceList) bool {
		for _, l := range lists {
			if reflect.ValueOf(l).Pointer() != reflect.ValueOf(lists[0]).Pointer() {
				return false
			}
		}
		return true
	}
	same, status := pod.Spec.Containers[0].Resources, pod.Status.ContainerStatuses[1].Resources
	if !one(same.Limits, same.Requests, status.Limits, status.Requests) {
		t.Error("equal lists are held more than once")
	}
}

func TestRateLimiterBacksOff(t *testing.T) {
	o := mustParse(t, nil)
	limiter := o.RateLimiter.rateLimiter()
	request := reconcile.Request{}
	for i, want := range []time.Duration{5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond} {
		if got := limiter.When(request); got != want {
			t.Errorf("delay %d is %s, want %s", i, got, want)
		}
	}
	for range 30 {
		limiter.When(request)
	}
	if got := limiter.When(request); got != 1000*time.Second {
		t.Errorf("the longest delay is %s, want 1000s", got)
	}
}

func TestOwnMetrics(t *testing.T) {
	clk := clocktesting.NewFakePassiveClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	serving := &certs.Serving{}
	m := newInstruments(serving, nil, "", clk)
	expect := func(seconds string) {
		t.Helper()
		want := `# HELP kruise_manager_is_leader 1 on the replica whose controllers run, else 0.
# TYPE kruise_manager_is_leader gauge
kruise_manager_is_leader 0
# HELP kruise_webhook_certificate_expiry_seconds Seconds until the webhook serving certificate ends; 0 when there is none.
# TYPE kruise_webhook_certificate_expiry_seconds gauge
kruise_webhook_certificate_expiry_seconds ` + seconds + "\n"
		if err := testutil.GatherAndCompare(m.registry, strings.NewReader(want)); err != nil {
			t.Error(err)
		}
	}
	expect("0")
	bundle, err := certs.NewIssuer(clk, "a.b.svc", certs.DefaultRenewBefore).Ensure(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := serving.Adopt(bundle); err != nil {
		t.Fatal(err)
	}
	expect("3.1536e+08")
}
