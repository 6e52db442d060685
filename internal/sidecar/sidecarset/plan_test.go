// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kruise.io/kruise/api/apps/v1beta1"
)

// fleet is n Pods that run the definition.
func fleet(n int, set *v1beta1.SidecarSet) []*corev1.Pod {
	pods := make([]*corev1.Pod, n)
	for i := range pods {
		pods[i] = run(injectedPod(fmt.Sprintf("web-%02d", i), set))
	}
	return pods
}

func TestNumberToUpdate(t *testing.T) {
	for name, c := range map[string]struct {
		pods int
		to   []setModifier
		// change the Pods before the pass.
		change func(pods []*corev1.Pod)
		want   int
	}{
		"maxUnavailable is 1 by default":            {pods: 3, want: 1},
		"a number":                                  {pods: 5, to: []setModifier{maxUnavailable("3")}, want: 3},
		"a percentage rounds up":                    {pods: 5, to: []setModifier{maxUnavailable("30%")}, want: 2},
		"0 blocks ready Pods":                       {pods: 3, to: []setModifier{maxUnavailable("0")}, want: 0},
		"what cannot be read does least":            {pods: 3, to: []setModifier{maxUnavailable("some")}, want: 0},
		"unready Pods cost nothing":                 {pods: 4, to: []setModifier{maxUnavailable("0")}, change: func(p []*corev1.Pod) { setReady(p[1], false); setReady(p[2], false) }, want: 2},
		"the partition keeps Pods":                  {pods: 5, to: []setModifier{maxUnavailable("9"), partition("2")}, want: 3},
		"its percentage rounds up":                  {pods: 5, to: []setModifier{maxUnavailable("9"), partition("50%")}, want: 2},
		"anything below 100% updates one":           {pods: 5, to: []setModifier{maxUnavailable("9"), partition("99%")}, want: 1},
		"100% none":                                 {pods: 5, to: []setModifier{maxUnavailable("9"), partition("100%")}, want: 0},
		"a single Pod is kept by any percentage":    {pods: 1, to: []setModifier{partition("1%")}, want: 0},
		"a partition beyond all":                    {pods: 2, to: []setModifier{partition("7")}, want: 0},
		"a partition that cannot be read keeps all": {pods: 2, to: []setModifier{partition("some")}, want: 0},
		"paused":    {pods: 2, to: []setModifier{pausedUpdate}, want: 0},
		"NotUpdate": {pods: 2, to: []setModifier{neverUpdated}, want: 0},
		"only what the selector selects": {pods: 3, to: []setModifier{maxUnavailable("9"), func(s *v1beta1.SidecarSet) {
			s.Spec.UpdateStrategy.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"canary": "yes"}}
		}}, change: func(p []*corev1.Pod) { p[1].Labels["canary"] = "yes" }, want: 1},
		"what cannot be upgraded does not count against the partition": {pods: 3, to: []setModifier{maxUnavailable("9"), partition("1")}, change: func(p []*corev1.Pod) {
			other := logSet(changedBeyondImage)
			*p[0] = *run(injectedPod("web-00", other))
		}, want: 1},
		"the first ready Pod that does not fit ends the round": {pods: 3, to: []setModifier{maxUnavailable("1"), func(s *v1beta1.SidecarSet) {
			s.Spec.UpdateStrategy.PriorityStrategy = &v1beta1.UpdatePriorityStrategy{WeightPriority: []v1beta1.UpdatePriorityWeightTerm{
				{Weight: 5, MatchSelector: metav1.LabelSelector{MatchLabels: map[string]string{"first": "yes"}}},
			}}
		}}, change: func(p []*corev1.Pod) {
			p[0].Labels["first"], p[1].Labels["first"] = "yes", "yes"
			setReady(p[2], false)
		}, want: 1},
		"unready Pods of older definitions do not use the budget up": {pods: 3, to: []setModifier{maxUnavailable("1"), func(s *v1beta1.SidecarSet) {
			s.Spec.UpdateStrategy.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"canary": "yes"}}
		}}, change: func(p []*corev1.Pod) {
			p[0].Labels["canary"], p[1].Labels["canary"] = "yes", "yes"
			setReady(p[2], false)
		}, want: 1},
		"more than the image": {pods: 3, to: []setModifier{changedBeyondImage}, want: 0},
		"an earlier update is still carried out": {pods: 1, change: func(p []*corev1.Pod) {
			middle := logSet(image("log:between"))
			makePass(middle, p...) // and the node has not noticed
		}, want: 0},
		"a record that cannot be read is replaced": {pods: 1, change: func(p []*corev1.Pod) {
			p[0].Annotations[v1beta1.SidecarSetInPlaceUpdateStateAnnotation] = "x"
		}, want: 1},
		"unless its container is not ready": {pods: 1, change: func(p []*corev1.Pod) {
			makePass(logSet(image("log:between")), p...)
			statusOf(p[0], "log").Ready = false
			setReady(p[0], false)
		}, want: 1},
		"updated Pods that are not ready use the budget up": {pods: 4, to: []setModifier{maxUnavailable("2")}, change: func(p []*corev1.Pod) {
			*p[0] = *injectedPod("web-new", logSet(image("log:2")))
		}, want: 1},
		"unready Pods of the old definition do not": {pods: 3, change: func(p []*corev1.Pod) { setReady(p[0], false) }, want: 2},
	} {
		t.Run(name, func(t *testing.T) {
			set := logSet()
			pods := fleet(c.pods, set)
			if c.change != nil {
				c.change(pods)
			}
			modify(set, append([]setModifier{image("log:2")}, c.to...)...)
			if got := makePlan(observed(set, pods...)); len(got.update) != c.want {
				t.Errorf("updates %d Pods, want %d; waits: %v", len(got.update), c.want, got.waits)
			}
		})
	}
}

func TestOrderOfUpdates(t *testing.T) {
	for name, c := range map[string]struct {
		strategy v1beta1.SidecarSetUpdateStrategy
		change   func(pods []*corev1.Pod)
		want     string
	}{
		"namespace and name break ties": {change: func(p []*corev1.Pod) { p[0].Namespace = "z" }, want: "[web-01 web-02 web-03 web-00]"},
		"unscheduled, then pending, then unready": {change: func(p []*corev1.Pod) {
			setReady(p[1], false)
			p[2].Status.Phase = corev1.PodPending
			p[3].Spec.NodeName = ""
		}, want: "[web-03 web-02 web-01 web-00]"},
		"more restarts first": {change: func(p []*corev1.Pod) { p[2].Status.ContainerStatuses[0].RestartCount = 2 }, want: "[web-02 web-00 web-01 web-03]"},
		"the lifecycle of the workload does not count": {change: func(p []*corev1.Pod) {
			p[3].Labels[v1beta1.LifecycleStateLabel] = string(v1beta1.LifecycleStatePreparingUpdate)
		}, want: "[web-00 web-01 web-02 web-03]"},
		"weights": {strategy: v1beta1.SidecarSetUpdateStrategy{PriorityStrategy: &v1beta1.UpdatePriorityStrategy{WeightPriority: []v1beta1.UpdatePriorityWeightTerm{
			{Weight: 5, MatchSelector: metav1.LabelSelector{MatchLabels: map[string]string{"zone": "b"}}},
		}}}, change: zones, want: "[web-02 web-03 web-00 web-01]"},
		"the index of the ordered key, then the number at its end": {strategy: v1beta1.SidecarSetUpdateStrategy{PriorityStrategy: &v1beta1.UpdatePriorityStrategy{
			OrderPriority: []v1beta1.UpdatePriorityOrderTerm{{OrderedKey: "first"}, {OrderedKey: "second"}},
		}}, change: func(p []*corev1.Pod) {
			p[0].Labels["second"], p[1].Labels["first"], p[2].Labels["first"] = "zone-9", "zone-2", "zone-10"
		}, want: "[web-03 web-02 web-01 web-00]"},
		"scatter over all values of a label": {strategy: v1beta1.SidecarSetUpdateStrategy{ScatterStrategy: v1beta1.UpdateScatterStrategy{
			{Key: "zone", Value: "*"},
		}}, change: zones, want: "[web-02 web-00 web-01 web-03]"},
	} {
		t.Run(name, func(t *testing.T) {
			set := logSet()
			pods := fleet(4, set)
			c.change(pods)
			modify(set, image("log:2"), func(s *v1beta1.SidecarSet) { s.Spec.UpdateStrategy = c.strategy }, maxUnavailable("9"))
			var got []string
			for _, pod := range makePlan(observed(set, pods...)).update {
				got = append(got, pod.Name)
			}
			if diff := cmp.Diff(c.want, fmt.Sprint(got)); diff != "" {
				t.Errorf("order (-want +got):\n%s", diff)
			}
		})
	}
}

// zones puts the first half of the Pods into zone a, the other into b.
func zones(pods []*corev1.Pod) {
	for i := range pods {
		pods[i].Labels["zone"] = "a"
		if i >= len(pods)/2 {
			pods[i].Labels["zone"] = "b"
		}
	}
}

func TestMarks(t *testing.T) {
	set := logSet()
	pods := fleet(3, set)
	pods[2].Annotations[v1beta1.SidecarSetInjectedListAnnotation] = "gone,log-set"
	pods[2].Status.Conditions = append(pods[2].Status.Conditions, corev1.PodCondition{
		Type: v1beta1.SidecarSetUpgradable, Status: corev1.ConditionFalse, Message: `{"elsewhere":false}`,
	})
	modify(set, changedBeyondImage)
	makePass(set, pods...)
	for _, pod := range pods {
		if got := marksOf(pod); !cmp.Equal(got, marks{"log-set": false}) {
			t.Errorf("pod %s is marked %v", pod.Name, got)
		}
	}
	if again := makePass(set, pods...); len(again.refuse) != 3 {
		t.Errorf("refuses %d Pods", len(again.refuse))
	}
	modify(set, func(s *v1beta1.SidecarSet) { s.Spec.Containers[0].Args = nil })
	if back := makePass(set, pods...); len(back.accept) != 3 {
		t.Errorf("the definition was put back, and %d Pods are marked", len(back.accept))
	}
	if got := marksOf(pods[0]); !got["log-set"] {
		t.Error("still marked as not upgradable")
	}
	if rest := makePlan(observed(set, pods...)); len(rest.accept) != 0 {
		t.Error("marks again what is marked")
	}
}

func TestUpdateOfOnePod(t *testing.T) {
	set := logSet(func(s *v1beta1.SidecarSet) {
		s.Spec.PatchPodMetadata = []v1beta1.SidecarSetPatchPodMetadata{{PatchPolicy: v1beta1.SidecarSetOverwritePatchPolicy, Annotations: map[string]string{"oom": "1"}}}
	})
	pod := run(injectedPod("web", set))
	modify(set, image("log:2"), func(s *v1beta1.SidecarSet) { s.Spec.PatchPodMetadata[0].Annotations["oom"] = "2" })
	before := pod.DeepCopy()
	makePass(set, pod)
	if got := *imageOf(pod, "log"); got != "log:2" {
		t.Errorf("image %s", got)
	}
	want := map[string]string{
		v1beta1.SidecarSetHashAnnotation: `{"log-set":{"updateTimestamp":"2024-05-06T07:08:09Z","hash":"` + set.Annotations[v1beta1.SidecarSetHashAnnotation] +
			`","sidecarSetName":"log-set","sidecarList":["log"],"controllerRevision":"log-set-2"}}`,
		v1beta1.SidecarSetHashWithoutImageAnnotation: before.Annotations[v1beta1.SidecarSetHashWithoutImageAnnotation],
		v1beta1.SidecarSetInjectedListAnnotation:     "log-set",
		v1beta1.SidecarSetInPlaceUpdateStateAnnotation: `{"log-set":{"revision":"` + set.Annotations[v1beta1.SidecarSetHashAnnotation] +
			`","updateTimestamp":"2024-05-06T07:08:09Z","lastContainerStatuses":{"log":{"imageID":"sha256:log:1"}}}}`,
		"oom": "2",
	}
	if diff := cmp.Diff(want, pod.Annotations); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
	if c := pod.Status.Conditions[1]; c.Message != `{"log-set":true}` || c.Status != corev1.ConditionTrue || c.Reason != "AllSidecarsetUpgradable" {
		t.Errorf("condition %v", c)
	}
}

func TestConsistent(t *testing.T) {
	const a, b = "sha256:aaaa", "sha256:bbbb"
	for name, c := range map[string]struct {
		image, statusImage, imageID, state string
		want                               bool
	}{
		"never updated":                        {image: "log:2", statusImage: "log:1", imageID: a, want: true},
		"not restarted yet":                    {image: "log:2", statusImage: "log:1", imageID: a, state: `{"log-set":{"lastContainerStatuses":{"log":{"imageID":"` + a + `"}}}}`},
		"another image":                        {image: "log:2", statusImage: "log:1", imageID: b, state: `{"log-set":{"lastContainerStatuses":{"log":{"imageID":"` + a + `"}}}}`, want: true},
		"the same image by another name":       {image: "log:2", statusImage: "docker.io/library/log:2", imageID: a, state: `{"log-set":{"lastContainerStatuses":{"log":{"imageID":"` + a + `"}}}}`, want: true},
		"another container was updated":        {image: "log:2", statusImage: "log:1", imageID: a, state: `{"log-set":{"lastContainerStatuses":{"other":{"imageID":"` + a + `"}}}}`, want: true},
		"another SidecarSet":                   {image: "log:2", statusImage: "log:1", imageID: a, state: `{"x":{"lastContainerStatuses":{"log":{"imageID":"` + a + `"}}}}`, want: true},
		"a state that cannot be read":          {image: "log:2", statusImage: "log:2", imageID: a, state: `nonsense`},
		"the digest of the spec":               {image: "log@" + a, imageID: "docker-pullable://mirror/log@" + a, state: `nonsense`, want: true},
		"with a tag":                           {image: "log:2@" + a, imageID: "docker.io/library/log@" + a, want: true},
		"another digest":                       {image: "log@" + a, imageID: "docker.io/library/log@" + b},
		"the runtime tells nothing but digest": {image: "log@" + a, imageID: a, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			pod := annotated(v1beta1.SidecarSetInPlaceUpdateStateAnnotation, c.state)
			if c.state == "" {
				pod.Annotations = nil
			}
			pod.Spec.Containers = []corev1.Container{{Name: "log", Image: c.image}}
			pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "log", Image: c.statusImage, ImageID: c.imageID}}
			if got := progressOf(pod, "log-set").consistent("log"); got != c.want {
				t.Errorf("consistent: %t", got)
			}
			pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{Name: "gone"})
			if progressOf(pod, "log-set").consistent("log") {
				t.Error("consistent with a status too many")
			}
		})
	}
}
