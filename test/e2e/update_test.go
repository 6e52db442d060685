// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/test/e2e/observe"
	"kruise.io/kruise/test/fixtures"
)

// extremes are what a watch has seen of the CloneSet called "web" since some moment.
type extremes struct {
	// total is the most Pods, and leastAvailable the fewest available Pods.
	total, leastAvailable int
	// order is the order in which Pods came to the image.
	order []string
}

// meter measures extremes.
type meter struct {
	mu    sync.Mutex
	image string
	extremes
}

// begin starts to measure; image is that of the update to come.
func (m *meter) begin(image string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.image, m.extremes = image, extremes{leastAvailable: math.MaxInt}
}

// look is for observe.Watch.
func (m *meter) look(v observe.View, changes []observe.PodChange) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.image == "" {
		return
	}
	pods, available := v.PodsOf("web"), 0
	for _, pod := range pods {
		if observe.Available(pod) {
			available++
		}
	}
	m.total, m.leastAvailable = max(m.total, len(pods)), min(m.leastAvailable, available)
	for _, change := range changes {
		if pod := change.Pod; observe.ImageOf(pod, fixtures.Container) == m.image && !slices.Contains(m.order, pod.Name) {
			m.order = append(m.order, pod.Name)
		}
	}
}

// end returns what has been measured.
func (m *meter) end() extremes {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.extremes
}

func TestPartition(t *testing.T) {
	s := shared(t)
	s.start(fixtures.CloneSet("web", fixtures.Replicas(4), fixtures.InPlaceIfPossible(), fixtures.MaxUnavailable("100%")))
	before := s.remember("web")
	set := s.change("web", fixtures.MainImage(webV2), fixtures.Partition("3"))
	s.until("one Pod is updated", settledAt(set, 1, 4))
	set = s.change("web", fixtures.Partition("50%"))
	s.until("half are updated", settledAt(set, 2, 4))
	if got := s.set("web").Status; got.ExpectedUpdatedReplicas != 2 || got.CurrentRevision == got.UpdateRevision {
		t.Errorf("status is %+v", got)
	}
	// Any percentage but 100% updates at least one Pod; this gate's rollback moves one of the two back.
	set = s.change("web", fixtures.Partition("99%"))
	s.until("one Pod is moved back", settledAt(set, 1, 4))
	// A lost Pod comes back at the revision of its side.
	var oldPod string
	for _, pod := range s.pods("web") {
		if observe.ImageOf(pod, fixtures.Container) == webV1 {
			oldPod = pod.Name
		}
	}
	s.deletePod(oldPod)
	s.until("the lost Pod is replaced at its old revision", all(podGone(oldPod), settledAt(set, 1, 4)))
	delete(before, oldPod)
	s.roll("web", fixtures.Partition("0"))
	for name, id := range before {
		if pod := s.View().Pods[name]; pod == nil || string(pod.UID) != id.UID {
			t.Errorf("Pod %s did not stay", name)
		}
	}
}

func TestMaxUnavailableRoundsUp(t *testing.T) {
	t.Parallel()
	for _, policy := range []v1beta1.CloneSetPodUpdatePolicyType{
		v1beta1.InPlaceIfPossibleCloneSetPodUpdatePolicyType, v1beta1.RecreateCloneSetPodUpdatePolicyType,
	} {
		t.Run(string(policy), func(t *testing.T) {
			m := &meter{}
			s := sharedWatched(t, m.look)
			// 25% of 5 is 1.25; without surge that is 2.
			s.start(fixtures.CloneSet("web", fixtures.Replicas(5), fixtures.Policy(policy), fixtures.MaxUnavailable("25%")))
			m.begin(webV2)
			s.roll("web", fixtures.MainImage(webV2))
			if got := m.end(); got.leastAvailable != 3 || got.total > 5 {
				t.Errorf("at least %d Pods were available of at most %d, want 3 of 5", got.leastAvailable, got.total)
			}
		})
	}
}

func TestMaxSurge(t *testing.T) {
	t.Parallel()
	for _, policy := range []v1beta1.CloneSetPodUpdatePolicyType{
		v1beta1.InPlaceIfPossibleCloneSetPodUpdatePolicyType, v1beta1.RecreateCloneSetPodUpdatePolicyType,
	} {
		t.Run(string(policy), func(t *testing.T) {
			m := &meter{}
			s := sharedWatched(t, m.look)
			// With surge 20% of 4 rounds down to none unavailable, and the surge of 30% up to 2.
			s.start(fixtures.CloneSet("web", fixtures.Replicas(4), fixtures.Policy(policy), fixtures.MaxSurge("30%"), fixtures.MaxUnavailable("20%")))
			before := s.remember("web")
			m.begin(webV2)
			s.roll("web", fixtures.MainImage(webV2))
			if got := m.end(); got.leastAvailable < 4 || got.total != 6 {
				t.Errorf("at least %d Pods were available of at most %d, want 4 of 6", got.leastAvailable, got.total)
			}
			stayed := 0
			for _, pod := range s.pods("web") {
				if _, ok := before[pod.Name]; ok {
					stayed++
				}
			}
			if inPlace := policy == v1beta1.InPlaceIfPossibleCloneSetPodUpdatePolicyType; (stayed > 0) != inPlace {
				t.Errorf("%d Pods stayed under %s", stayed, policy)
			}
		})
	}
}

func TestOnDelete(t *testing.T) {
	s := shared(t)
	s.start(fixtures.CloneSet("web", fixtures.Replicas(3), fixtures.OnDelete()))
	before := names(s.pods("web"))
	set := s.change("web", fixtures.MainImage(webV2))
	s.until("the new template is known", counts(set, func(status v1beta1.CloneSetStatus) bool {
		return status.UpdateRevision != status.CurrentRevision && status.UpdatedReplicas == 0
	}))
	s.deletePod(before[0])
	s.until("only the deleted Pod is of the new template", all(podGone(before[0]), settledAt(set, 1, 3)))
	// Scale-in takes the old ones first.
	set = s.change("web", fixtures.Replicas(1))
	s.until("the new Pod is left", settledAt(set, 1, 1))
}

func TestPaused(t *testing.T) {
	s := shared(t)
	s.start(fixtures.CloneSet("web", fixtures.Replicas(2), fixtures.InPlaceIfPossible(), fixtures.ProgressDeadlineSeconds(600)))
	set := s.change("web", fixtures.MainImage(webV2), fixtures.Paused(true))
	s.until("the pause is seen", all(observed(set), conditionIs("web", v1beta1.CloneSetConditionProgressing, corev1.ConditionTrue, v1beta1.CloneSetProgressPaused)))
	// Scaling goes on meanwhile, with the new template.
	set = s.change("web", fixtures.Replicas(3))
	s.until("a Pod is added", counts(set, func(status v1beta1.CloneSetStatus) bool {
		return status.AvailableReplicas == 3 && status.UpdatedReplicas == 1
	}))
	s.roll("web", fixtures.Paused(false))
	s.until("the end is told", conditionIs("web", v1beta1.CloneSetConditionProgressing, corev1.ConditionTrue, v1beta1.CloneSetAvailable))
}

func TestUpdatePriorityAndScatter(t *testing.T) {
	t.Parallel()
	t.Run("priority", func(t *testing.T) {
		m := &meter{}
		s := sharedWatched(t, m.look)
		s.start(fixtures.CloneSet("web", fixtures.Replicas(4), fixtures.InPlaceIfPossible(), fixtures.MaxUnavailable("1"),
			fixtures.RollingUpdate(func(r *v1beta1.RollingUpdateCloneSetStrategy) {
				r.PriorityStrategy = &v1beta1.UpdatePriorityStrategy{OrderPriority: []v1beta1.UpdatePriorityOrderTerm{{OrderedKey: "order"}}}
			})))
		pods := names(s.pods("web"))
		for i, value := range []string{"n-2", "n-10", "n-1", "n-3"} {
			s.labelPod(pods[i], "order", value)
		}
		m.begin(webV2)
		s.roll("web", fixtures.MainImage(webV2))
		want := []string{pods[1], pods[3], pods[0], pods[2]}
		if got := m.end().order; !slices.Equal(got, want) {
			t.Errorf("updated in order %v, want %v", got, want)
		}
	})
	t.Run("scatter", func(t *testing.T) {
		s := shared(t)
		s.start(fixtures.CloneSet("web", fixtures.Replicas(6), fixtures.InPlaceIfPossible(), fixtures.MaxUnavailable("100%"),
			fixtures.RollingUpdate(func(r *v1beta1.RollingUpdateCloneSetStrategy) {
				r.ScatterStrategy = v1beta1.UpdateScatterStrategy{{Key: "colour", Value: "blue"}}
			})))
		for _, pod := range s.pods("web")[:2] {
			s.labelPod(pod.Name, "colour", "blue")
		}
		// Two of six marked, the order is marked, four others, marked: of the first two one is marked.
		set := s.change("web", fixtures.MainImage(webV2), fixtures.Partition("4"))
		s.until("two Pods are updated", settledAt(set, 2, 6))
		marked := 0
		for _, pod := range s.pods("web") {
			if observe.ImageOf(pod, fixtures.Container) == webV2 && pod.Labels["colour"] == "blue" {
				marked++
			}
		}
		if marked != 1 {
			t.Errorf("%d of the two updated Pods are marked, want 1", marked)
		}
	})
}

func TestRollbackReusesTheRevision(t *testing.T) {
	s := shared(t)
	first := s.start(fixtures.CloneSet("web", fixtures.Replicas(2), fixtures.InPlaceIfPossible(), fixtures.MaxUnavailable("100%")))
	before := s.remember("web")
	old := s.set(first.Name).Status.UpdateRevision
	s.roll("web", fixtures.MainImage(webV2))
	number := s.View().Revisions[s.set("web").Status.UpdateRevision].Revision
	s.roll("web", fixtures.MainImage(webV1))
	if got := s.set("web").Status.UpdateRevision; got != old {
		t.Errorf("updateRevision is %s, want %s again", got, old)
	}
	s.until("the old revision is the newest", func(v observe.View) error {
		if revision := v.Revisions[old]; revision == nil || revision.Revision <= number {
			return fmt.Errorf("revision %v does not come after number %d", revision, number)
		}
		return nil
	})
	s.kept("web", before)
	s.restarted("web", fixtures.Container, 2)
}

func TestMinReadySecondsPacesTheUpdate(t *testing.T) {
	const pace = 4 * time.Second
	s := shared(t)
	s.start(fixtures.CloneSet("web", fixtures.Replicas(2), fixtures.InPlaceIfPossible(), fixtures.MaxUnavailable("1"), fixtures.MinReadySeconds(int32(pace.Seconds()))))
	s.roll("web", fixtures.MainImage(webV2))
	var ready, changed []time.Time
	seen := map[string]bool{}
	for _, change := range s.History() {
		pod := change.Pod
		if observe.ImageOf(pod, fixtures.Container) != webV2 {
			continue
		}
		if !seen[pod.Name] {
			seen[pod.Name] = true
			changed = append(changed, change.At)
		} else if observe.Available(pod) && !seen[pod.Name+" ready"] {
			seen[pod.Name+" ready"] = true
			ready = append(ready, observe.Condition(pod, corev1.PodReady).LastTransitionTime.Time)
		}
	}
	if len(changed) != 2 || len(ready) == 0 {
		t.Fatalf("%d Pods were changed", len(changed))
	}
	// The time of readiness is that of the second in which it came.
	if gap := changed[1].Sub(ready[0]); gap < pace || gap > pace+5*time.Second {
		t.Errorf("the second Pod was updated %s after the first became ready, want %s", gap, pace)
	}
}

func TestProgressDeadline(t *testing.T) {
	s := shared(t)
	s.start(fixtures.CloneSet("web", fixtures.Replicas(2), fixtures.ProgressDeadlineSeconds(8)))
	progressing := func(status corev1.ConditionStatus, reason string, texts ...string) condition {
		return conditionIs("web", v1beta1.CloneSetConditionProgressing, status, reason, texts...)
	}
	s.until("the first rollout is done", progressing(corev1.ConditionTrue, v1beta1.CloneSetAvailable))
	set := s.change("web", fixtures.MainImage(missing))
	s.until("the rollout goes on", all(observed(set), progressing(corev1.ConditionTrue, v1beta1.CloneSetProgressUpdated)))
	s.until("the deadline passes", progressing(corev1.ConditionFalse, v1beta1.CloneSetProgressDeadlineExceeded, "has timed out progressing"))
	// A fixed template deserves a fresh deadline.
	set = s.change("web", fixtures.MainImage(webV2))
	s.until("the verdict is taken back", all(observed(set), func(v observe.View) error {
		err := progressing(corev1.ConditionFalse, "")(v)
		if err == nil {
			return errors.New("Progressing is still False")
		}
		return nil
	}))
	s.until("the fixed rollout is done", all(rolledOut(set), progressing(corev1.ConditionTrue, v1beta1.CloneSetAvailable)))
}

func TestRevisionHistoryLimit(t *testing.T) {
	s := shared(t)
	s.start(fixtures.CloneSet("web", fixtures.InPlaceIfPossible(), fixtures.MaxUnavailable("100%"), fixtures.RevisionHistoryLimit(1)))
	for _, image := range []string{webV2, webV3, webV1Same} {
		s.roll("web", fixtures.MainImage(image))
	}
	s.until("only the live and one old revision are left", func(v observe.View) error {
		if len(v.Revisions) != 2 {
			return fmt.Errorf("there are %d revisions", len(v.Revisions))
		}
		return nil
	})
}

func TestLongName(t *testing.T) {
	s := shared(t)
	name := "web-" + strings.Repeat("x", 56)
	s.start(fixtures.CloneSet(name, fixtures.Replicas(2), fixtures.InPlaceIfPossible(), fixtures.MaxUnavailable("100%"), func(set *v1beta1.CloneSet) {
		set.Spec.Selector.MatchLabels[fixtures.AppLabel] = "long"
		set.Spec.Template.Labels[fixtures.AppLabel] = "long"
	}))
	before := s.remember(name)
	s.roll(name, fixtures.MainImage(webV2))
	s.kept(name, before)
}

func TestAnUpdateReplacesAnUnfinishedOne(t *testing.T) {
	s := shared(t)
	s.start(fixtures.CloneSet("web", fixtures.Replicas(3), fixtures.InPlaceIfPossible(), fixtures.MaxUnavailable("1")))
	before := s.remember("web")
	set := s.change("web", fixtures.MainImage(missing))
	s.until("one Pod fails, and no other is touched", counts(set, func(status v1beta1.CloneSetStatus) bool {
		return status.UpdatedReplicas == 1 && status.AvailableReplicas == 2
	}))
	s.always(3*time.Second, "the others serve", func(v observe.View) error {
		if available := v.CloneSets["web"].Status.AvailableReplicas; available < 2 {
			return fmt.Errorf("%d are available", available)
		}
		return nil
	})
	s.roll("web", fixtures.MainImage(webV2))
	s.kept("web", before)
}
