// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package edittest plays the part of an API server that matters to writers of Pods: strategic merge patches on Pods and their
// subresources, with the preconditions and the division of fields that the real one has.
package edittest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Write is one patch that reached the server.
type Write struct {
	// Subresource is empty for the Pod itself.
	Subresource string
	Patch       string
}

// Server holds Pods. It is safe for concurrent use.
type Server struct {
	// Before is called ahead of each patch, without locks; an error is the answer to it. Optional.
	Before func(Write) error

	mu      sync.Mutex
	version int
	pods    map[client.ObjectKey]*corev1.Pod
	writes  []Write
}

// New gives a server that holds copies of the Pods. Pods without a UID or version get one.
func New(pods ...*corev1.Pod) *Server {
	s := &Server{pods: map[client.ObjectKey]*corev1.Pod{}, version: 100}
	for _, pod := range pods {
		pod = pod.DeepCopy()
		if pod.UID == "" {
			pod.UID = types.UID("uid-" + pod.Name)
		}
		s.store(pod)
	}
	return s
}

func (s *Server) store(pod *corev1.Pod) {
	s.version++
	pod.ResourceVersion = strconv.Itoa(s.version)
	s.pods[client.ObjectKeyFromObject(pod)] = pod
}

// Pod is a copy of a Pod; nil when there is none of that name.
func (s *Server) Pod(namespace, name string) *corev1.Pod {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pods[client.ObjectKey{Namespace: namespace, Name: name}].DeepCopy()
}

// Change changes a Pod as somebody else would: its version and, if the spec differs then, its generation go up.
func (s *Server) Change(namespace, name string, change func(*corev1.Pod)) *corev1.Pod {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.pods[client.ObjectKey{Namespace: namespace, Name: name}]
	pod := old.DeepCopy()
	change(pod)
	if equality.Semantic.DeepEqual(old, pod) {
		return pod
	}
	if !equality.Semantic.DeepEqual(old.Spec, pod.Spec) {
		pod.Generation++
	}
	s.store(pod)
	return pod.DeepCopy()
}

// Delete takes a Pod away.
func (s *Server) Delete(namespace, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.pods, client.ObjectKey{Namespace: namespace, Name: name})
}

// Writes lists the patches so far, those that failed as well, and forgets them.
func (s *Server) Writes() []Write {
	s.mu.Lock()
	defer s.mu.Unlock()
	writes := s.writes
	s.writes = nil
	return writes
}

// Client gives a client of the server. What it does not play is not there: calling it panics.
func (s *Server) Client() client.Client { return podClient{server: s} }

type podClient struct {
	client.Client
	server *Server
}

func (c podClient) Get(_ context.Context, key client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
	pod := c.server.Pod(key.Namespace, key.Name)
	if pod == nil {
		return apierrors.NewNotFound(corev1.Resource("pods"), key.Name)
	}
	return fill(obj, pod)
}

func (c podClient) Patch(_ context.Context, obj client.Object, patch client.Patch, _ ...client.PatchOption) error {
	return c.server.patch(obj, patch, "")
}

func (c podClient) Status() client.SubResourceWriter {
	return subresource{server: c.server, name: "status"}
}

func (c podClient) SubResource(name string) client.SubResourceClient {
	return subresource{server: c.server, name: name}
}

type subresource struct {
	client.SubResourceClient
	server *Server
	name   string
}

func (r subresource) Patch(_ context.Context, obj client.Object, patch client.Patch, _ ...client.SubResourcePatchOption) error {
	return r.server.patch(obj, patch, r.name)
}

func (s *Server) patch(obj client.Object, patch client.Patch, subresource string) error {
	data, err := patch.Data(obj)
	if err != nil {
		return err
	}
	write := Write{Subresource: subresource, Patch: string(data)}
	if s.Before != nil {
		if err := s.Before(write); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes = append(s.writes, write)
	old := s.pods[client.ObjectKeyFromObject(obj)]
	if old == nil {
		return apierrors.NewNotFound(corev1.Resource("pods"), obj.GetName())
	}
	patched, err := merge(old, data)
	if err != nil {
		return err
	}
	if patched.ResourceVersion != old.ResourceVersion || patched.UID != old.UID {
		return apierrors.NewConflict(corev1.Resource("pods"), old.Name, fmt.Errorf("the object has been modified"))
	}
	pod := divide(old, patched, subresource)
	if equality.Semantic.DeepEqual(old, pod) {
		return fill(obj, old)
	}
	if !slices.EqualFunc(pod.Spec.Containers, old.Spec.Containers, func(a, b corev1.Container) bool { return a.Name == b.Name }) {
		return apierrors.NewInvalid(corev1.SchemeGroupVersion.WithKind("Pod").GroupKind(), old.Name, nil)
	}
	if !equality.Semantic.DeepEqual(old.Spec, pod.Spec) {
		pod.Generation++
	}
	s.store(pod)
	return fill(obj, pod)
}

func merge(pod *corev1.Pod, patch []byte) (*corev1.Pod, error) {
	original, err := json.Marshal(pod)
	if err != nil {
		return nil, err
	}
	data, err := strategicpatch.StrategicMergePatch(original, patch, &corev1.Pod{})
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	patched := &corev1.Pod{}
	return patched, json.Unmarshal(data, patched)
}

// divide takes from the patched Pod what can be written through the subresource.
func divide(old, patched *corev1.Pod, subresource string) *corev1.Pod {
	pod := patched
	switch subresource {
	case "status":
		pod.Spec = old.Spec
	case "resize":
		pod = old.DeepCopy()
		for i := range pod.Spec.Containers {
			pod.Spec.Containers[i].Resources = patched.Spec.Containers[i].Resources
		}
	default:
		pod.Status = old.Status
	}
	return pod
}

func fill(obj client.Object, pod *corev1.Pod) error {
	switch into := obj.(type) {
	case *corev1.Pod:
		pod.DeepCopyInto(into)
	case *metav1.PartialObjectMetadata:
		pod.ObjectMeta.DeepCopyInto(&into.ObjectMeta)
	default:
		return fmt.Errorf("cannot fill %T", obj)
	}
	return nil
}
