// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package ordering

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"kruise.io/kruise/api/apps/v1beta1"
)

// Each row is one rule: the first Pod goes first because of it, although a later rule says otherwise.
func TestUpdateBaseOrder(t *testing.T) {
	never := corev1.ContainerRestartPolicy("OnFailure")
	tests := []struct {
		name          string
		first, second *corev1.Pod
	}{
		{"not scheduled first", newPod("b", node("")), newPod("a", phase(corev1.PodPending), notReady())},
		{"Pending before Unknown", newPod("b", phase(corev1.PodPending)), newPod("a", phase(corev1.PodUnknown), notReady())},
		{"Unknown before Running", newPod("b", phase(corev1.PodUnknown)), newPod("a", notReady())},
		{"not Ready first", newPod("b", notReady()), newPod("a", readySince(5))},
		{"the one ready for a shorter time first", newPod("b", readySince(5)), newPod("a", readySince(4), restarts(9))},
		{"more restarts first", newPod("b", restarts(1, 4)), newPod("a", restarts(3, 3), initRestarts("mesh", always, 9))},
		{"then more restarts of sidecars", newPod("b", initRestarts("mesh", always, 2)), newPod("a", initRestarts("mesh", always, 1), created(5))},
		{"plain init containers do not count", newPod("b", created(1)), newPod("a", initRestarts("prepare", nil, 9), initRestarts("x", &never, 9))},
		{"newer first", newPod("b", created(5)), newPod("a", created(4))},
		{"the deletion cost does not count", newPod("b", cost("100"), created(5)), newPod("a", cost("-100"))},
		{"the name decides at last", newPod("a"), newPod("b")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, pods := range [][]*corev1.Pod{{tt.first, tt.second}, {tt.second, tt.first}} {
				if got := (Update{}).Sort(pods, pods); got[0] != tt.first {
					t.Errorf("%s goes first", got[0].Name)
				}
			}
		})
	}
}

func TestPriority(t *testing.T) {
	weight := func(weight int32, key, value string) v1beta1.UpdatePriorityWeightTerm {
		return v1beta1.UpdatePriorityWeightTerm{Weight: weight, MatchSelector: metav1.LabelSelector{MatchLabels: map[string]string{key: value}}}
	}
	weights := func(terms ...v1beta1.UpdatePriorityWeightTerm) *v1beta1.UpdatePriorityStrategy {
		return &v1beta1.UpdatePriorityStrategy{WeightPriority: terms}
	}
	order := func(keys ...string) *v1beta1.UpdatePriorityStrategy {
		strategy := &v1beta1.UpdatePriorityStrategy{}
		for _, key := range keys {
			strategy.OrderPriority = append(strategy.OrderPriority, v1beta1.UpdatePriorityOrderTerm{OrderedKey: key})
		}
		return strategy
	}
	tests := []struct {
		name     string
		strategy *v1beta1.UpdatePriorityStrategy
		waiting  []*corev1.Pod
		want     string
	}{{
		name:     "the higher sum of weights first, ties in base order",
		strategy: weights(weight(20, "x", "1"), weight(10, "y", "1"), weight(15, "z", "1")),
		waiting: []*corev1.Pod{
			newPod("none1"), newPod("y1", label("y", "1")), newPod("x", label("x", "1")), newPod("none2"),
			newPod("yz", label("y", "1"), label("z", "1")), newPod("y2", label("y", "1")), newPod("wrong", label("x", "2")),
		},
		want: "yz x y1 y2 none1 none2 wrong",
	}, {
		name: "expressions match too",
		strategy: weights(v1beta1.UpdatePriorityWeightTerm{Weight: 1, MatchSelector: metav1.LabelSelector{
			MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "x", Operator: metav1.LabelSelectorOpExists}},
		}}),
		waiting: []*corev1.Pod{newPod("a"), newPod("b", label("x", "any"))},
		want:    "b a",
	}, {
		name: "an invalid selector matches nothing",
		strategy: weights(v1beta1.UpdatePriorityWeightTerm{Weight: 1, MatchSelector: metav1.LabelSelector{
			MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "x", Operator: "Like"}},
		}}),
		waiting: []*corev1.Pod{newPod("a"), newPod("b", label("x", "any"))},
		want:    "a b",
	}, {
		name:     "the larger trailing number first",
		strategy: order("o"),
		waiting: []*corev1.Pod{
			newPod("2", label("o", "node-2")), newPod("12", label("o", "node-12")), newPod("none", label("o", "node")),
			newPod("0", label("o", "7-0")), newPod("huge", label("o", "99999999999999999999")), newPod("3", label("o", "3")),
		},
		want: "12 3 2 none 0 huge",
	}, {
		name:     "the first term whose key is there is the level; Pods without any come first",
		strategy: order("p", "q"),
		waiting: []*corev1.Pod{
			newPod("q9", label("q", "9")), newPod("p1", label("p", "1")), newPod("free", label("r", "1")),
			newPod("p2q1", label("p", "2"), label("q", "1")), newPod("q", label("q", "")),
		},
		want: "free p2q1 p1 q9 q",
	}, {
		name:     "an empty strategy keeps the base order",
		strategy: &v1beta1.UpdatePriorityStrategy{},
		waiting:  []*corev1.Pod{newPod("b"), newPod("a")},
		want:     "b a",
	}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Update{Priority: tt.strategy}.Arrange(tt.waiting, tt.waiting)
			if diff := cmp.Diff(tt.want, namesOf(got)); diff != "" {
				t.Errorf("order (-want +got):\n%s", diff)
			}
		})
	}
}

// podsOf has one Pod per letter: those of "m" carry label m, those of "n" label n, those of "b" both.
func podsOf(letters string) []*corev1.Pod {
	pods := make([]*corev1.Pod, 0, len(letters))
	for i, letter := range letters {
		pod := newPod(fmt.Sprint(string(letter), i))
		if letter == 'm' || letter == 'b' {
			pod.Labels["m"] = "1"
		}
		if letter == 'n' || letter == 'b' {
			pod.Labels["n"] = "1"
		}
		pods = append(pods, pod)
	}
	return pods
}

func lettersOf(pods []*corev1.Pod) string {
	var letters strings.Builder
	for _, pod := range pods {
		letters.WriteByte(pod.Name[0])
	}
	return letters.String()
}

func TestScatter(t *testing.T) {
	m, n := v1beta1.UpdateScatterTerm{Key: "m", Value: "1"}, v1beta1.UpdateScatterTerm{Key: "n", Value: "1"}
	tests := []struct {
		name    string
		terms   v1beta1.UpdateScatterStrategy
		waiting string
		// others are active Pods that do not wait.
		others string
		want   string
	}{
		{"spec: 3 matching and 6 others", v1beta1.UpdateScatterStrategy{m}, "mmmuuuuuu", "", "muuumuuum"},
		{"spec: 6 matching and 3 others", v1beta1.UpdateScatterStrategy{m}, "mmmmmmuuu", "", "mmummumum"},
		{"spec: 2 matching and 8 others", v1beta1.UpdateScatterStrategy{m}, "mmuuuuuuuu", "", "muuuuuuuum"},
		{"spec: 2 and 5 of 4 and 8 wait", v1beta1.UpdateScatterStrategy{m}, "mmuuuuu", "mmuuu", "uumuuum"},
		{"one matching Pod", v1beta1.UpdateScatterStrategy{m}, "uumuu", "mm", "uumuu"},
		{"one other Pod", v1beta1.UpdateScatterStrategy{m}, "mumm", "uu", "mumm"},
		{"no term", nil, "muum", "", "muum"},
		{"term without a match", v1beta1.UpdateScatterStrategy{n}, "muumu", "", "muumu"},
		{"a value that differs", v1beta1.UpdateScatterStrategy{{Key: "m", Value: "2"}}, "muumu", "", "muumu"},
		// The waiting others are relatively few: their own proportion counts, not that of all.
		{"more others updated than their share", v1beta1.UpdateScatterStrategy{m}, "mmmuu", "uuuuuu", "mumum"},
		// n has three, m two: n is spread first, then m over the result.
		{"the term with the most matches first", v1beta1.UpdateScatterStrategy{m, n}, "mmnnnuuuu", "", "mnunuuunm"},
		{"nothing waits", v1beta1.UpdateScatterStrategy{m}, "", "mu", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			waiting := podsOf(tt.waiting)
			got := Update{Scatter: tt.terms}.Arrange(waiting, append(podsOf(tt.others), waiting...))
			if diff := cmp.Diff(tt.want, lettersOf(got)); diff != "" {
				t.Errorf("order (-want +got):\n%s", diff)
			}
		})
	}
}

// As many terms as half of the Pods, as a label of which every value is a term gives: each look-up of a label counts.
func TestScatterByManyTerms(t *testing.T) {
	const pods = 2000
	var (
		waiting []*corev1.Pod
		terms   v1beta1.UpdateScatterStrategy
	)
	for i := range pods {
		waiting = append(waiting, newPod(fmt.Sprintf("p%d", i), label("zone", strconv.Itoa(i%(pods/2)))))
	}
	for i := range pods / 2 {
		terms = append(terms, v1beta1.UpdateScatterTerm{Key: "zone", Value: strconv.Itoa(i)})
	}
	begin := time.Now()
	if got := (Update{Scatter: terms}).Arrange(waiting, waiting); len(got) != pods {
		t.Errorf("%d Pods of %d", len(got), pods)
	}
	if took := time.Since(begin); took > 5*time.Second { // with the race detector on a busy machine it is one or two; labels looked up anew for each term took ten times that
		t.Errorf("took %s", took)
	}
}

func TestHeldPodsKeepTheirPlace(t *testing.T) {
	held := state(v1beta1.LifecycleStatePreparingUpdate)
	waiting := []*corev1.Pod{
		newPod("a", label("o", "9")), newPod("b", held), newPod("c", label("o", "8")), newPod("d", held, label("o", "1")),
	}
	update := Update{Priority: &v1beta1.UpdatePriorityStrategy{OrderPriority: []v1beta1.UpdatePriorityOrderTerm{{OrderedKey: "o"}}}}
	if diff := cmp.Diff("b d a c", namesOf(update.Arrange(waiting, waiting))); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	update.IgnoreLifecycle = true
	if diff := cmp.Diff("b a c d", namesOf(update.Arrange(waiting, waiting))); diff != "" {
		t.Errorf("order without the lifecycle (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff("a b c d", namesOf(waiting)); diff != "" {
		t.Errorf("the given slice was changed (-want +got):\n%s", diff)
	}
}

func TestUpdateProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		active := arbitraryPods(t)
		waiting := active[:rapid.IntRange(0, len(active)).Draw(t, "waiting")]
		update := Update{}
		if rapid.Bool().Draw(t, "priority") {
			update.Priority = &v1beta1.UpdatePriorityStrategy{OrderPriority: []v1beta1.UpdatePriorityOrderTerm{{OrderedKey: "rank"}}}
		}
		if rapid.Bool().Draw(t, "scatter") {
			update.Scatter = v1beta1.UpdateScatterStrategy{{Key: "zone", Value: "a"}, {Key: "rank", Value: "x"}}
		}
		sorted := update.Sort(waiting, active)
		checkPermutation(t, waiting, sorted)
		if i := slices.IndexFunc(sorted, func(pod *corev1.Pod) bool { return !isHeld(pod) }); i >= 0 && slices.ContainsFunc(sorted[i:], isHeld) {
			t.Fatal("a held Pod comes after another")
		}
		shuffled := rapid.Permutation(waiting).Draw(t, "shuffled")
		if diff := cmp.Diff(namesOf(sorted), namesOf(update.Sort(shuffled, active))); diff != "" {
			t.Fatalf("the order depends on the one given (-once +again):\n%s", diff)
		}
		standings := make([]*standing, len(waiting))
		for i, pod := range waiting {
			s := standingOf(pod)
			standings[i] = &s
		}
		checkStrictWeakOrder(t, standings, (*standing).compareForUpdate)
	})
}

// With enough Pods on either side a rollout ends with a matching one, whatever has been updated already.
func TestScatterEndsWithAMatch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		matching, others := rapid.IntRange(2, 40).Draw(t, "matching"), rapid.IntRange(2, 40).Draw(t, "others")
		waiting := podsOf(strings.Repeat("m", matching) + strings.Repeat("u", others))
		updated := podsOf(strings.Repeat("m", rapid.IntRange(0, 20).Draw(t, "updated matching")) +
			strings.Repeat("u", rapid.IntRange(0, 20).Draw(t, "updated others")))
		term := v1beta1.UpdateScatterStrategy{{Key: "m", Value: "1"}}
		got := lettersOf(Update{Scatter: term}.Arrange(waiting, append(updated, waiting...)))
		if !strings.HasSuffix(got, "m") || strings.Count(got, "m") != matching || len(got) != matching+others {
			t.Fatalf("%d and %d scatter to %s", matching, others, got)
		}
	})
}

func BenchmarkUpdate(b *testing.B) {
	pods := manyPods(5000)
	update := Update{
		Priority: &v1beta1.UpdatePriorityStrategy{WeightPriority: []v1beta1.UpdatePriorityWeightTerm{
			{Weight: 10, MatchSelector: metav1.LabelSelector{MatchLabels: map[string]string{"zone": "a"}}},
			{Weight: 20, MatchSelector: metav1.LabelSelector{MatchLabels: map[string]string{"rank": "host-7"}}},
		}},
		Scatter: v1beta1.UpdateScatterStrategy{{Key: "zone", Value: "a"}, {Key: "zone", Value: "b"}},
	}
	b.ReportAllocs()
	for b.Loop() {
		update.Sort(pods, pods)
	}
}
