// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cloneset

import (
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/revision"
	"kruise.io/kruise/test/fixtures"
)

// simulation is one CloneSet with its Pods, without a cluster: what plans say is done at once, and what kubelets, operators and users
// do comes from the test.
type simulation struct {
	set             *v1beta1.CloneSet
	current, update string

	excludePreparingDelete, partitionRollback, preparingUpdateAsUpdate bool
	// inPlace updates Pods in place; else they are recreated.
	inPlace bool
	// deleteHook and updateHook are on every new Pod.
	deleteHook, updateHook bool

	pods []*simulatedPod
	// inactive are the terminating and ended Pods by their names.
	inactive map[string]*corev1.Pod
	// claims are the instance ids that have claims.
	claims names
	// made counts the Pods created so far.
	made int
}

type simulatedPod struct {
	id, revision           string
	state                  v1beta1.LifecycleState
	stage                  stage
	marked, named, inGrace bool
	deleteHook, updateHook bool
}

// stage is how far a Pod has come on its way to be available.
type stage int

const (
	started stage = iota
	becameReady
	readyForMinReadySeconds
)

func newSimulation(set *v1beta1.CloneSet) *simulation {
	return &simulation{set: set, current: "web-0", update: "web-0", inactive: map[string]*corev1.Pod{}, claims: names{}}
}

func (w *simulation) nameOf(p *simulatedPod) string { return w.set.Name + "-" + p.id }

// snapshot is what a pass observes.
func (w *simulation) snapshot() *snapshot {
	s := &snapshot{
		set: w.set, now: now,
		excludePreparingDelete: w.excludePreparingDelete, partitionRollback: w.partitionRollback,
		preparingUpdateAsUpdate: w.preparingUpdateAsUpdate,
		revisions:               revision.State{Current: revisionNamed(w.current), Update: revisionNamed(w.update)},
		nodeLabel:               func(string, string) (string, bool) { return "", false },
	}
	for _, p := range w.pods {
		object := fixtures.Pod(w.nameOf(p), fixtures.WithState(p.state),
			fixtures.WithPodLabel(appsv1.ControllerRevisionHashLabelKey, p.revision),
			fixtures.WithPodLabel(v1beta1.CloneSetInstanceIDLabel, p.id))
		s.pods = append(s.pods, &pod{
			Pod: object, state: p.state, updated: p.revision == w.update, marked: p.marked, specified: p.marked || p.named,
			ready: p.stage >= becameReady, held: p.deleteHook, inGrace: p.inGrace,
			available: p.stage == readyForMinReadySeconds && p.state == v1beta1.LifecycleStateNormal,
		})
	}
	slices.SortFunc(s.pods, func(a, b *pod) int { return strings.Compare(a.Name, b.Name) })
	for _, object := range w.inactive {
		s.inactive = append(s.inactive, object)
	}
	for id := range w.claims {
		s.claims = append(s.claims, survivor(id))
	}
	return s
}

// apply does what the plan says, and what a pass does to the status. It returns an error when the cluster would refuse.
func (w *simulation) apply(s *snapshot, p plan) error {
	for _, revived := range p.revive {
		w.find(revived.Name).state = v1beta1.LifecycleStateNormal
	}
	for _, object := range p.clear {
		w.inactive[object.Name] = terminatingPod(object.Name)
	}
	for _, removed := range p.remove {
		doomed := w.find(removed.Name)
		if doomed.deleteHook {
			doomed.state = v1beta1.LifecycleStatePreparingDelete
			continue
		}
		w.terminate(doomed)
		w.claims.Delete(doomed.id)
	}
	for _, chosen := range p.update {
		w.updatePod(w.find(chosen.Name), p.updateTo.Name())
	}
	for _, c := range p.create {
		if err := w.create(c); err != nil {
			return err
		}
	}
	if c := countPods(s.pods, updatedByLabel); c.updated.all == c.total() && c.total() == replicasOf(w.set) {
		w.current = w.update
	}
	return nil
}

func (w *simulation) create(c creation) error {
	created := &simulatedPod{
		id: c.instanceID, revision: c.revision.Name(), state: v1beta1.LifecycleStateNormal,
		deleteHook: w.deleteHook, updateHook: w.updateHook,
	}
	if created.id == "" {
		w.made++
		created.id = fmt.Sprintf("%05d", w.made)
	}
	name := w.nameOf(created)
	if w.inactive[name] != nil || w.find(name) != nil {
		return fmt.Errorf("pod %s exists already", name)
	}
	w.claims.Insert(created.id)
	w.pods = append(w.pods, created)
	return nil
}

// updatePod starts the update of one Pod.
func (w *simulation) updatePod(p *simulatedPod, to string) {
	switch {
	case !w.inPlace:
		p.marked = true
	case p.updateHook:
		p.state = v1beta1.LifecycleStatePreparingUpdate
	default:
		p.state, p.revision, p.stage, p.inGrace = v1beta1.LifecycleStateUpdating, to, started, true
	}
}

// advance brings a Pod one step further: out of its grace period, to ready, to available.
func (w *simulation) advance(p *simulatedPod) {
	switch {
	case p.inGrace:
		p.inGrace = false
	case p.stage < readyForMinReadySeconds:
		p.stage++
	case p.state == v1beta1.LifecycleStateUpdating:
		p.state = v1beta1.LifecycleStateNormal
	}
}

// lose takes a Pod away that nobody of ours deleted. Its claims survive where they are to be reused.
func (w *simulation) lose(p *simulatedPod) {
	w.terminate(p)
	if !w.set.Spec.ScaleStrategy.EnablePVCReuse {
		w.claims.Delete(p.id)
	}
}

func (w *simulation) terminate(p *simulatedPod) {
	w.pods = slices.DeleteFunc(w.pods, func(other *simulatedPod) bool { return other == p })
	w.inactive[w.nameOf(p)] = terminatingPod(w.nameOf(p))
}

func terminatingPod(name string) *corev1.Pod {
	return fixtures.Pod(name, func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{Time: now} })
}

// finishTerminating lets all terminating Pods go for good.
func (w *simulation) finishTerminating() {
	for name, object := range w.inactive {
		if object.DeletionTimestamp != nil {
			delete(w.inactive, name)
		}
	}
}

// releaseHooks takes all hooks off the Pods. Pods that were held for an update which is wanted no more are let go.
func (w *simulation) releaseHooks() {
	w.deleteHook, w.updateHook = false, false
	for _, p := range w.pods {
		p.deleteHook, p.updateHook = false, false
		if p.state == v1beta1.LifecycleStatePreparingUpdate {
			p.state = v1beta1.LifecycleStateNormal
		}
	}
}

func (w *simulation) find(name string) *simulatedPod {
	for _, p := range w.pods {
		if w.nameOf(p) == name {
			return p
		}
	}
	return nil
}
