// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package podprobe

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/api/apps/v1alpha1"
	"kruise.io/kruise/internal/platform/installed"
	"kruise.io/kruise/internal/platform/webhook"
)

const (
	// FollowerName names what follows PodProbeMarkers, SurveyName what tells of them.
	FollowerName = "podprobemarker-follower"
	SurveyName   = "podprobemarker-survey"
)

// Scope knows, in every replica, which new Pods PodProbeMarkers select.
type Scope struct {
	// tell is told of it, as a part of the webhook's scope is.
	tell func(levels ...[]string)
	// changed asks for a survey.
	changed chan struct{}
}

// NewScope returns a scope that tells whenever its surveys find something out.
func NewScope(tell func(levels ...[]string)) *Scope {
	return &Scope{tell: tell, changed: make(chan struct{}, 1)}
}

// Setup follows PodProbeMarkers within mgr, in every replica, as long as they are installed.
func (s *Scope) Setup(mgr ctrl.Manager) error {
	follower := &installed.Follower{
		Cache: mgr.GetCache(), Kind: &v1alpha1.PodProbeMarker{},
		Put: func(any, bool) { s.notify() }, Following: func(bool) { s.notify() },
	}
	if err := mgr.Add(follower); err != nil {
		return fmt.Errorf("set up %s: %w", FollowerName, err)
	}
	return nil
}

// Survey tells which Pods are selected, now and after each change, until ctx ends. The reader lists nothing where the kind is not installed, and
// fails where it only cannot be read: then what was told still counts.
func (s *Scope) Survey(ctx context.Context, reader client.Reader, clk clock.Clock) error {
	installed.Survey(ctx, clk, s.changed, func(ctx context.Context) error { return s.survey(ctx, reader) })
	return nil
}

func (s *Scope) survey(ctx context.Context, reader client.Reader) error {
	var all v1alpha1.PodProbeMarkerList
	if err := reader.List(ctx, &all, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list PodProbeMarkers: %w", err)
	}
	var selected []webhook.Selection
	for i := range all.Items {
		if selector := selectorOf(&all.Items[i]); selector != nil {
			selected = append(selected, webhook.Selection{Namespaces: ofNamespace(all.Items[i].Namespace), Objects: selector})
		}
	}
	s.tell(webhook.SelectionClauses(slices.Values(selected))...)
	return nil
}

func (s *Scope) notify() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// ofNamespace selects a namespace by its name.
func ofNamespace(name string) labels.Selector {
	return labels.SelectorFromValidatedSet(labels.Set{corev1.LabelMetadataName: name})
}
