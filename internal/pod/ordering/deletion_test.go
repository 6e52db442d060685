// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package ordering

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"
)

func unavailable(names ...string) func(*corev1.Pod) bool {
	return func(pod *corev1.Pod) bool { return !slices.Contains(names, pod.Name) }
}

func topology(keys ...string) []corev1.TopologySpreadConstraint {
	constraints := make([]corev1.TopologySpreadConstraint, len(keys))
	for i, key := range keys {
		constraints[i].TopologyKey = key
	}
	return constraints
}

// nodeLabel knows nodes n1 to n4: n1 and n2 in zone a, n3 in zone b, n4 without zone.
func nodeLabel(node, key string) (string, bool) {
	switch key {
	case corev1.LabelHostname:
		return node, true
	case corev1.LabelTopologyZone:
		zone, ok := map[string]string{"n1": "a", "n2": "a", "n3": "b"}[node]
		return zone, ok
	default:
		return "", false
	}
}

// Each row is one rule: the first Pod goes first because of it, although a later rule says otherwise.
func TestDeletionRules(t *testing.T) {
	pending, unknown := phase(corev1.PodPending), phase(corev1.PodUnknown)
	tests := []struct {
		name   string
		order  Deletion
		first  *corev1.Pod
		second *corev1.Pod
	}{
		{"1 not assigned before assigned", Deletion{}, newPod("b", node("")), newPod("a", pending, notReady())},
		{"2 Pending before Unknown", Deletion{}, newPod("b", pending), newPod("a", unknown, notReady())},
		{"2 Unknown before Running", Deletion{}, newPod("b", unknown), newPod("a", notReady())},
		{"3 not available before available", Deletion{Available: unavailable("b")}, newPod("b"), newPod("a", notReady())},
		{"3 is skipped", Deletion{}, newPod("b", notReady()), newPod("a")},
		{"4 not Ready before Ready", Deletion{}, newPod("b", notReady(), cost("5")), newPod("a")},
		{"4 no condition is not Ready", Deletion{}, newPod("b", func(p *corev1.Pod) { p.Status.Conditions = nil }, cost("5")), newPod("a")},
		{"5 lower cost first", Deletion{}, newPod("b", cost("-1")), newPod("a", readySince(9))},
		{"7 ready later first", Deletion{}, newPod("b", readySince(2)), newPod("a", readySince(1), restarts(9))},
		{"7 zero ready time first", Deletion{}, newPod("b", readyCondition(corev1.ConditionTrue, metav1.Time{})), newPod("a", readySince(1), restarts(9))},
		{"7 not for Pods that are not ready", Deletion{},
			newPod("b", notReady(), restarts(1)), newPod("a", readyCondition(corev1.ConditionFalse, metav1.NewTime(start.Add(1))))},
		{"8 more restarts first", Deletion{}, newPod("b", restarts(0, 3)), newPod("a", restarts(2, 2), created(5))},
		{"8 init containers do not count", Deletion{}, newPod("b", created(1)), newPod("a", initRestarts("mesh", always, 7))},
		{"9 newer first", Deletion{}, newPod("b", created(5)), newPod("a", created(4))},
		{"9 zero creation first", Deletion{}, newPod("b", createdNever), newPod("a", created(4))},
		{"the name decides at last", Deletion{}, newPod("a"), newPod("b")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, pods := range [][]*corev1.Pod{{tt.first, tt.second}, {tt.second, tt.first}} {
				tt.order.Sort(pods)
				if pods[0] != tt.first {
					t.Errorf("%s goes first", pods[0].Name)
				}
			}
		})
	}
}

func TestDeletionCost(t *testing.T) {
	for value, want := range map[string]int32{
		"": 0, "0": 0, "5": 5, "-5": -5, "2147483647": math.MaxInt32, "-2147483648": math.MinInt32,
		"+5": 0, "08": 0, "00": 0, "2147483648": 0, "1.5": 0, "x": 0, "5x": 0, "-": 0,
	} {
		if got := deletionCost(newPod("p", cost(value))); got != want {
			t.Errorf("cost %q = %d, want %d", value, got, want)
		}
	}
	if got := deletionCost(newPod("p")); got != 0 {
		t.Errorf("cost without annotation = %d", got)
	}
}

func TestDeletionRank(t *testing.T) {
	on := func(name, nodeName string, m ...modifier) *corev1.Pod {
		return newPod(name, append(m, node(nodeName))...)
	}
	tests := []struct {
		name  string
		order Deletion
		pods  []*corev1.Pod
		want  string
	}{{
		name: "crowded nodes first, within a node by the other rules",
		// n1: c, b, a get 2, 1, 0; n2: e, d get 1, 0; f stands alone. Equal ranks by ready time.
		pods: []*corev1.Pod{
			on("a", "n1", readySince(1)), on("b", "n1", readySince(2)), on("c", "n1", readySince(3)),
			on("d", "n2", readySince(4)), on("e", "n2", readySince(5)), on("f", "n3", readySince(9)),
		},
		want: "c e b f d a",
	}, {
		name: "the cost goes before the rank",
		pods: []*corev1.Pod{on("a", "n1", cost("1")), on("b", "n1", cost("1")), on("c", "n2")},
		want: "c a b",
	}, {
		name: "Pods without a node stand alone",
		pods: []*corev1.Pod{on("a", "", created(1)), on("b", "", created(2)), on("c", "", created(3))},
		want: "c b a",
	}, {
		name:  "availability does not count within a node",
		order: Deletion{Available: unavailable("a")},
		// a, ready later than b, ranks 1 although b would be deleted after it anyway; c stands alone.
		pods: []*corev1.Pod{on("a", "n1", readySince(1)), on("b", "n1", readySince(2)), on("c", "n2", readySince(3))},
		want: "a b c",
	}, {
		name:  "the greater zone first",
		order: Deletion{Constraints: topology(corev1.LabelTopologyZone), NodeLabel: nodeLabel},
		// zone a has three, ranks 3, 2, 1; zone b has one, rank 1, and is ready longer than c.
		pods: []*corev1.Pod{on("a", "n1", readySince(3)), on("b", "n2", readySince(2)), on("c", "n2", readySince(1)), on("d", "n3")},
		want: "b a c d",
	}, {
		name:  "nodes without the label and Pods without a node are left out",
		order: Deletion{Constraints: topology(corev1.LabelTopologyZone), NodeLabel: nodeLabel},
		pods:  []*corev1.Pod{on("a", "n4", readySince(9)), on("b", "n4", readySince(8)), on("c", "n3")},
		want:  "c a b",
	}, {
		name:  "by host name",
		order: Deletion{Constraints: topology(corev1.LabelHostname), NodeLabel: nodeLabel},
		pods:  []*corev1.Pod{on("a", "n1", readySince(1)), on("b", "n1", readySince(2)), on("c", "n2", readySince(3))},
		want:  "b c a",
	}, {
		name:  "the ranks of constraints add up",
		order: Deletion{Constraints: topology(corev1.LabelTopologyZone, corev1.LabelHostname), NodeLabel: nodeLabel},
		// zone a: a 3, b 2, c 1, times ln 4; host n2: b 2, c 1, host n1: a 1, host n3: d 1, times ln 5.
		// a 5.77, b 5.99, c 3.00, d 1.39 + 1.61 = 3.00 as c, but ready longer.
		pods: []*corev1.Pod{
			on("a", "n1", created(3)), on("b", "n2", created(2)), on("c", "n2", created(1)), on("d", "n3"),
		},
		want: "b a c d",
	}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.order.Sort(tt.pods)
			if diff := cmp.Diff(tt.want, namesOf(tt.pods)); diff != "" {
				t.Errorf("order (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDeletionProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pods := arbitraryPods(t)
		order := Deletion{}
		if rapid.Bool().Draw(t, "availability") {
			order.Available = func(pod *corev1.Pod) bool { return pod.Labels["zone"] == "a" }
		}
		if rapid.Bool().Draw(t, "constraints") {
			order.Constraints, order.NodeLabel = topology(corev1.LabelTopologyZone, corev1.LabelHostname), nodeLabel
		}
		sorted := slices.Clone(pods)
		order.Sort(sorted)
		checkPermutation(t, pods, sorted)

		shuffled := rapid.Permutation(pods).Draw(t, "shuffled")
		order.Sort(shuffled)
		if diff := cmp.Diff(namesOf(sorted), namesOf(shuffled)); diff != "" {
			t.Fatalf("the order depends on the one given (-once +again):\n%s", diff)
		}
	})
}

// The comparison that the sort relies on is a strict weak order.
func TestDeletionComparison(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pods := arbitraryPods(t)
		candidates := make([]*candidate, len(pods))
		for i, pod := range pods {
			candidates[i] = &candidate{
				standing: standingOf(pod), cost: deletionCost(pod), available: i%2 == 0, rank: float64(rapid.IntRange(0, 2).Draw(t, "rank")),
			}
		}
		checkStrictWeakOrder(t, candidates, (*candidate).compare)
		checkStrictWeakOrder(t, candidates, (*candidate).compareOnNode)
	})
}

func checkPermutation(t *rapid.T, before, after []*corev1.Pod) {
	names := func(pods []*corev1.Pod) []string {
		names := make([]string, 0, len(pods))
		for _, pod := range pods {
			names = append(names, pod.Name)
		}
		slices.Sort(names)
		return names
	}
	if diff := cmp.Diff(names(before), names(after)); diff != "" {
		t.Fatalf("Pods were lost or doubled (-before +after):\n%s", diff)
	}
}

func checkStrictWeakOrder[T any](t *rapid.T, items []T, compare func(a, b T) int) {
	for _, a := range items {
		if compare(a, a) != 0 {
			t.Fatalf("%v is not equal to itself", a)
		}
		for _, b := range items {
			if compare(a, b) != -compare(b, a) {
				t.Fatalf("%v and %v compare differently either way", a, b)
			}
			for _, c := range items {
				if compare(a, b) <= 0 && compare(b, c) <= 0 && compare(a, c) > 0 {
					t.Fatalf("%v, %v, %v are not in one order", a, b, c)
				}
			}
		}
	}
}

// manyPods are Pods in the states of a large workload.
func manyPods(n int) []*corev1.Pod {
	random := rand.New(rand.NewPCG(1, 2))
	pods := make([]*corev1.Pod, n)
	for i := range pods {
		pods[i] = newPod(fmt.Sprintf("web-%05d", i), node(fmt.Sprint("node-", random.IntN(n/10))), readySince(random.IntN(1000)),
			restarts(int32(random.IntN(3))), created(random.IntN(1000)), cost("100"),
			label("zone", string(rune('a'+random.IntN(3)))), label("rank", fmt.Sprint("host-", random.IntN(100))))
	}
	return pods
}

func BenchmarkDeletion(b *testing.B) {
	pods := manyPods(5000)
	zones := func(node, _ string) (string, bool) { return node[len(node)-1:], true }
	for name, order := range map[string]Deletion{
		"by node":       {Available: func(*corev1.Pod) bool { return true }},
		"by constraint": {Constraints: topology(corev1.LabelTopologyZone, corev1.LabelHostname), NodeLabel: zones},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				order.Sort(slices.Clone(pods))
			}
		})
	}
}
