// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package podprobe

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/api/apps/v1alpha1"
	"kruise.io/kruise/internal/platform/webhook"
)

const (
	// FollowerName names what follows PodProbeMarkers, SurveyName what tells of them.
	FollowerName = "podprobemarker-follower"
	SurveyName   = "podprobemarker-survey"

	// surveyRetry is the time between two tries to learn which PodProbeMarkers there are.
	surveyRetry = time.Second
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
	if err := mgr.Add(&follower{scope: s, cache: mgr.GetCache()}); err != nil {
		return fmt.Errorf("set up %s: %w", FollowerName, err)
	}
	return nil
}

// Survey tells which Pods are selected, now and after each change, until ctx ends. The reader lists nothing where the kind is not installed, and
// fails where it only cannot be read: then what was told still counts.
func (s *Scope) Survey(ctx context.Context, reader client.Reader, clk clock.Clock) error {
	for {
		if s.survey(ctx, reader) == nil {
			select {
			case <-s.changed:
				continue
			case <-ctx.Done():
				return nil
			}
		}
		timer := clk.NewTimer(surveyRetry)
		select {
		case <-timer.C():
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
	}
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

// follower asks for a survey at each change of a PodProbeMarker.
type follower struct {
	scope *Scope
	cache cache.Cache
}

// NeedLeaderElection implements manager.LeaderElectionRunnable.
func (*follower) NeedLeaderElection() bool { return false }

// Start implements manager.Runnable.
func (f *follower) Start(ctx context.Context) error {
	informer, err := f.cache.GetInformer(ctx, &v1alpha1.PodProbeMarker{}, cache.BlockUntilSynced(false))
	if err != nil {
		return fmt.Errorf("watch PodProbeMarkers: %w", err)
	}
	handler, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { f.scope.notify() },
		UpdateFunc: func(any, any) { f.scope.notify() },
		DeleteFunc: func(any) { f.scope.notify() },
	})
	if err != nil {
		return fmt.Errorf("watch PodProbeMarkers: %w", err)
	}
	<-ctx.Done()
	_ = informer.RemoveEventHandler(handler) // fails only when the informer is gone
	f.scope.notify()
	return nil
}

// ofNamespace selects a namespace by its name.
func ofNamespace(name string) labels.Selector {
	return labels.SelectorFromValidatedSet(labels.Set{corev1.LabelMetadataName: name})
}
