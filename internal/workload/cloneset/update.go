// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cloneset

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/features"
	"kruise.io/kruise/internal/pod/edit"
	"kruise.io/kruise/internal/pod/inplace"
	"kruise.io/kruise/internal/pod/podset"
	"kruise.io/kruise/internal/pod/revision"
)

// refresh is what one Pod needs, whatever the plan: the next step of an in-place update that is under way, or of its lifecycle.
type refresh struct {
	pod  *pod
	step inplace.Step
}

// planRefresh decides what each Pod needs that the plan does not touch otherwise, and takes the Pods that need something out of the
// update: what they need comes first, and they are looked at again in the next pass. Only what the update makes pointless gives way to it.
func (p *pass) planRefresh(plan *plan) []refresh {
	touched := make(map[*pod]bool, len(plan.remove)+len(plan.revive))
	for _, pods := range [][]*pod{plan.remove, plan.revive} {
		for _, pod := range pods {
			touched[pod] = true
		}
	}
	updating := make(map[*pod]bool, len(plan.update))
	for _, pod := range plan.update {
		updating[pod] = true
	}
	options := inplace.RefreshOptions{Lifecycle: p.set.Spec.Lifecycle, Now: p.now}
	var refreshes, hopeless []refresh
	for _, pod := range p.s.pods {
		if touched[pod] {
			continue
		}
		options.Updated = pod.updated
		if plan.moving != nil && pod.preparingUpdate() {
			options.Updated = !plan.moving.Has(pod.Name)
		}
		step := inplace.Refresh(pod.Pod, options)
		p.lookIn(step.RequeueAfter)
		if step.Waiting != nil && step.Waiting.Stuck {
			p.stuck = append(p.stuck, fmt.Sprintf("pod %s: %s", pod.Name, step.Waiting.Message))
		}
		labelTemplateHash(pod.Pod, &step.Edit)
		switch {
		case step.Err != nil:
			hopeless = append(hopeless, refresh{pod: pod, step: step})
		case step.Needed() && (!step.GivesWay() || !updating[pod] || !p.leavesAtOnce(pod, plan.updateTo)):
			refreshes = append(refreshes, refresh{pod: pod, step: step})
		default:
			continue
		}
		touched[pod] = true
	}
	kept := plan.update[:0]
	for _, pod := range plan.update {
		if !touched[pod] {
			kept = append(kept, pod)
		}
	}
	plan.update = kept
	// what is known to fail ends the phase, after all others have got what they need
	return append(refreshes, hopeless...)
}

// leavesAtOnce tells whether an update of the Pod to the revision would go beyond holding it where it is.
func (p *pass) leavesAtOnce(pod *pod, to *revision.Revision) bool {
	m := p.methodFor(pod.Labels[appsv1.ControllerRevisionHashLabelKey], to)
	return m.refused == "" && (m.recreate != "" || inplace.Update(pod.Pod, p.updateOptions(to, m.change)).Started())
}

// labelTemplateHash gives the label pod-template-hash to a Pod of an older manager that lacks it (cloneset spec 2.4).
func labelTemplateHash(pod *corev1.Pod, e *edit.Edit) {
	label := pod.Labels[appsv1.ControllerRevisionHashLabelKey]
	if _, has := pod.Labels[v1beta1.PodTemplateHashLabel]; !has && label != "" {
		e.SetLabel(v1beta1.PodTemplateHashLabel, revision.ShortHash(label))
	}
}

// refreshAll writes what Pods need.
func (p *pass) refreshAll(ctx context.Context, refreshes []refresh) error {
	_, err := podset.SlowStart(ctx, len(refreshes), func(ctx context.Context, i int) error {
		pod := refreshes[i].pod
		written, _, err := inplace.Run(ctx, p.writer, pod.Pod, refreshes[i].step)
		p.wrote(pod.Pod, written)
		if refused := (*edit.ResizeRefusedError)(nil); errors.As(err, &refused) && pod.updated && !p.inPlaceOnly() {
			return p.markForRecreate(ctx, pod, p.s.revisions.Update, "its resources cannot be changed in place")
		}
		return wrap(err, "refresh pod "+pod.Name)
	})
	return err
}

// updateAll brings the Pods of the plan to its revision, in order.
func (p *pass) updateAll(ctx context.Context, plan *plan) error {
	if len(plan.update) == 0 {
		return nil
	}
	methods := make([]method, len(plan.update))
	for i, pod := range plan.update { // before the calls run in parallel
		methods[i] = p.methodFor(pod.Labels[appsv1.ControllerRevisionHashLabelKey], plan.updateTo)
	}
	_, err := podset.SlowStart(ctx, len(plan.update), func(ctx context.Context, i int) error {
		return p.update(ctx, plan.update[i], plan.updateTo, methods[i])
	})
	return err
}

// method is how Pods get from one revision to another.
type method struct {
	// change is what changes in place.
	change inplace.Change
	// recreate says why Pods are recreated; empty is in place.
	recreate string
	// refused says why they cannot be updated at all.
	refused string
}

// move is a way from a revision label to a revision.
type move struct{ label, to string }

// methodFor gives how Pods with a revision label get to the target. It is decided once a pass: there are as many ways as revisions, not as
// Pods, and comparing two templates costs more than all else about a Pod. Not for parallel use.
func (p *pass) methodFor(label string, to *revision.Revision) method {
	way := move{label, to.Name()}
	m, known := p.methods[way]
	if !known {
		m = p.decideMethod(label, to)
		if p.methods == nil {
			p.methods = map[move]method{}
		}
		p.methods[way] = m
	}
	return m
}

// decideMethod decides how Pods with a revision label get to the target (in-place-update spec 3.2).
func (p *pass) decideMethod(label string, to *revision.Revision) method {
	policy := v1beta1.RecreateCloneSetPodUpdatePolicyType
	if rolling := p.set.Spec.UpdateStrategy.RollingUpdate; rolling != nil && rolling.PodUpdatePolicy != "" {
		policy = rolling.PodUpdatePolicy
	}
	if policy == v1beta1.RecreateCloneSetPodUpdatePolicyType {
		return method{recreate: "podUpdatePolicy is ReCreate"}
	}
	change, reason := p.inPlaceChange(label, to, policy)
	switch {
	case reason == "":
		return method{change: change}
	case policy == v1beta1.InPlaceOnlyCloneSetPodUpdatePolicyType:
		return method{refused: reason}
	default:
		return method{recreate: reason}
	}
}

// inPlaceChange is what changes in place on Pods with the revision label, or why it cannot.
func (p *pass) inPlaceChange(label string, to *revision.Revision, policy v1beta1.CloneSetPodUpdatePolicyType) (inplace.Change, string) {
	from := p.s.revisions.Find(label)
	if from == nil {
		return inplace.Change{}, fmt.Sprintf("its revision %q is gone", label)
	}
	if policy != v1beta1.InPlaceOnlyCloneSetPodUpdatePolicyType &&
		p.Gates.Enabled(features.RecreatePodWhenChangeVCTInCloneSetGate) && revision.ClaimTemplatesDiffer(from, to) {
		return inplace.Change{}, "volumeClaimTemplates changed"
	}
	if !reflect.DeepEqual(from.Newer(), to.Newer()) {
		return inplace.Change{}, "a field of the template changed that this version of the manager does not know"
	}
	change, refusal := inplace.Diff(from.Template(), to.Template(), inplace.DiffOptions{
		EnvFromMetadata: p.Gates.Enabled(features.InPlaceUpdateEnvFromMetadata),
		VerticalScaling: p.Gates.Enabled(features.InPlaceWorkloadVerticalScaling),
		ServerVersion:   p.ServerVersion,
	})
	if refusal != nil {
		return inplace.Change{}, refusal.Error()
	}
	return change, ""
}

// update brings one Pod to the revision.
func (p *pass) update(ctx context.Context, pod *pod, to *revision.Revision, m method) error {
	switch {
	case m.refused != "":
		return fmt.Errorf("update pod %s in place: %s; podUpdatePolicy InPlaceOnly never recreates it", pod.Name, m.refused)
	case m.recreate != "":
		return p.markForRecreate(ctx, pod, to, m.recreate)
	}
	written, step, err := inplace.Run(ctx, p.writer, pod.Pod, inplace.Update(pod.Pod, p.updateOptions(to, m.change)))
	p.wrote(pod.Pod, written)
	p.lookIn(step.RequeueAfter)
	if refused := (*edit.ResizeRefusedError)(nil); errors.As(err, &refused) && !p.inPlaceOnly() {
		p.event(corev1.EventTypeWarning, reasonFailedInPlace, "cannot update pod %s to revision %s in place: %s", pod.Name, to.Name(), brief(err))
		return p.markForRecreate(ctx, pod, to, "its resources cannot be changed in place")
	}
	if err != nil {
		p.event(corev1.EventTypeWarning, reasonFailedInPlace, "cannot update pod %s to revision %s in place: %s", pod.Name, to.Name(), brief(err))
		return fmt.Errorf("update pod %s in place: %w", pod.Name, err)
	}
	if step.Started() {
		p.done(reasonUpdatedInPlace, "updating pod %s to revision %s in place: %s", pod.Name, to.Name(), m.change.String())
	}
	return nil
}

func (p *pass) updateOptions(to *revision.Revision, change inplace.Change) inplace.UpdateOptions {
	o := inplace.UpdateOptions{
		Change: change, Revision: to.Name(), Labels: revisionLabels(to, p.shortHash), Lifecycle: p.set.Spec.Lifecycle, Now: p.now,
	}
	if rolling := p.set.Spec.UpdateStrategy.RollingUpdate; rolling != nil && rolling.InPlaceUpdateStrategy != nil {
		o.GracePeriodSeconds = rolling.InPlaceUpdateStrategy.GracePeriodSeconds
	}
	return o
}

func (p *pass) inPlaceOnly() bool {
	rolling := p.set.Spec.UpdateStrategy.RollingUpdate
	return rolling != nil && rolling.PodUpdatePolicy == v1beta1.InPlaceOnlyCloneSetPodUpdatePolicyType
}

// markForRecreate marks the Pod for deletion; the scale phase of a later pass deletes and replaces it within the budget.
func (p *pass) markForRecreate(ctx context.Context, pod *pod, to *revision.Revision, why string) error {
	if pod.marked {
		return nil
	}
	if err := p.edit(ctx, pod.Pod, edit.Label(v1beta1.SpecifiedDeleteLabel, "true")); err != nil {
		p.event(corev1.EventTypeWarning, reasonFailedRecreate, "cannot mark pod %s to be recreated at revision %s: %s", pod.Name, to.Name(), brief(err))
		return fmt.Errorf("mark pod %s to be recreated: %w", pod.Name, err)
	}
	p.done(reasonMarkedForRecreate, "recreating pod %s at revision %s: %s", pod.Name, to.Name(), why)
	return nil
}
