// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/webhook"
	"kruise.io/kruise/internal/pod/podset"
)

// A missed Pod would get the sidecars if it were created now, and does not have them: it is older than the SidecarSet or than its selector, or it was
// created while the webhook did not answer and was not waited for (sidecarset spec 8.24).

// missedPod is one, with what was tried already.
type missedPod struct {
	*corev1.Pod
	// hold says why its eviction did not come about so far, and when to try again; nil when it was not tried.
	hold *hold
}

// owner is the UID of the controller that would make the Pod anew; empty when there is none.
func (p *missedPod) owner() types.UID { return ownerOf(p.Pod) }

func ownerOf(pod *corev1.Pod) types.UID {
	if owner := metav1.GetControllerOfNoCopy(pod); owner != nil {
		return owner.UID
	}
	return ""
}

// search is the search for the Pods that a SidecarSet has missed.
type search struct {
	*matcher
	// canaries are those of the SidecarSet: what they match they have, or have missed themselves.
	canaries []*matcher
	reach    webhook.Reach
	// namespaceLabels reads the labels of a namespace.
	namespaceLabels func(ctx context.Context, name string) (labels.Set, error)
}

// findMissed completes the snapshot by the missed Pods. There are none to find while nothing is injected.
func (p *pass) findMissed(ctx context.Context, namespaceLabels func(ctx context.Context, name string) (labels.Set, error)) error {
	m := newMatcher(p.set)
	if m == nil || p.Reach == nil {
		p.lookout.end(p.set.Name)
		return nil
	}
	if err := p.lookThrough(ctx, m); err != nil {
		p.lookout.end(p.set.Name) // to look through all of them again
		return err
	}
	p.s.sought = true
	candidates := p.lookout.candidates(p.set.Name)
	if len(candidates) == 0 {
		return nil
	}
	s := &search{matcher: m, namespaceLabels: namespaceLabels}
	var err error
	if s.reach, err = p.Reach(ctx, p.client); err != nil {
		return err
	}
	if s.canaries, err = p.canaries(ctx); err != nil {
		return err
	}
	for key, sighting := range candidates {
		pod, err := p.readPod(ctx, key)
		if err != nil {
			return err
		}
		if pod == nil || !s.lacks(pod) {
			p.lookout.dismiss(p.set.Name, key, sighting)
			continue
		}
		switch missed, err := s.missed(ctx, pod); {
		case err != nil:
			return err
		case missed:
			p.s.missed = append(p.s.missed, &missedPod{Pod: pod})
		}
	}
	slices.SortFunc(p.s.missed, func(a, b *missedPod) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return nil
}

// lookThrough sights the Pods that are older than the lookout; past the cache also those that the cache does not know yet.
func (p *pass) lookThrough(ctx context.Context, m *matcher) error {
	if look := p.lookout.begin(m); !look && !p.fromServer {
		return nil
	}
	reader := client.Reader(p.client)
	if p.fromServer {
		reader = p.live
	}
	namespaces := []string{metav1.NamespaceAll}
	if named, pinned := pins(m.namespaces); pinned {
		namespaces = sets.List(named)
	}
	for _, namespace := range namespaces {
		var list corev1.PodList
		err := reader.List(ctx, &list, client.InNamespace(namespace), client.MatchingLabelsSelector{Selector: m.pods}, client.UnsafeDisableDeepCopy)
		if err != nil {
			return fmt.Errorf("list pods: %w", err)
		}
		for i := range list.Items {
			if pod := &list.Items[i]; !slices.Contains(readInjected(pod), p.set.Name) {
				p.lookout.sight(p.set.Name, client.ObjectKeyFromObject(pod))
			}
		}
	}
	return nil
}

// readPod reads a Pod, past the cache when the pass does; nil when it is gone.
func (p *pass) readPod(ctx context.Context, key types.NamespacedName) (*corev1.Pod, error) {
	reader := client.Reader(p.client)
	if p.fromServer {
		reader = p.live
	}
	pod := &corev1.Pod{}
	if err := reader.Get(ctx, key, pod, client.UnsafeDisableDeepCopy); err != nil {
		if apierrors.IsNotFound(err) {
			return nil, nil
		}
		return nil, fmt.Errorf("get pod %s: %w", key, err)
	}
	return pod, nil
}

// canaries are those of the SidecarSet.
func (p *pass) canaries(ctx context.Context) ([]*matcher, error) {
	var list v1beta1.SidecarSetList
	if err := p.client.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list SidecarSets: %w", err)
	}
	var canaries []*matcher
	for i := range list.Items {
		if set := &list.Items[i]; baseOf(set) != p.set.Name || set.Name == p.set.Name {
			continue
		}
		if m := newMatcher(&list.Items[i]); m != nil {
			canaries = append(canaries, m)
		}
	}
	return canaries, nil
}

// lacks tells what the Pod alone says: that it runs, is selected, and has not got the sidecars, although it could have. Static Pods, which the
// kubelet makes, are created without being asked about.
func (s *search) lacks(pod *corev1.Pod) bool {
	_, static := pod.Annotations[corev1.MirrorPodAnnotationKey]
	return podset.IsActive(pod) && !static && s.pods.Matches(labels.Set(pod.Labels)) && !slices.Contains(readInjected(pod), s.set.Name)
}

// missed tells whether the Pod, which lacks the sidecars, would get them now. Pods that a canary of the SidecarSet matches are that one's, and
// Pods with the sidecars of its base are no loss to a canary: both do the same.
func (s *search) missed(ctx context.Context, pod *corev1.Pod) (bool, error) {
	namespace, err := s.namespaceLabels(ctx, pod.Namespace)
	if err != nil || namespace == nil || !s.reach.Covers(namespace, pod.Labels) {
		return false, err
	}
	c := candidate{namespace: pod.Namespace, labels: pod.Labels, namespaceLabels: func() (labels.Set, error) { return namespace, nil }}
	if base := s.base(); base != "" && slices.Contains(readInjected(pod), base) {
		return false, nil
	}
	found, err := match(append(slices.Clone(s.canaries), s.matcher), c)
	return slices.Contains(found, s.matcher), err
}
