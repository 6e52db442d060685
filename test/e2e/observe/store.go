// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"fmt"
	"reflect"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// store receives what a reflector lists and watches, and keeps it in one map of a View.
type store[T client.Object] struct {
	namespace *Namespace
	objects   map[string]T
	record    func([]PodChange)
	ready     chan struct{}
	once      sync.Once
}

func newObject[T client.Object](example T) T {
	return reflect.New(reflect.TypeOf(example).Elem()).Interface().(T)
}

func (s *store[T]) synced() <-chan struct{} { return s.ready }

// Add implements cache.ReflectorStore.
func (s *store[T]) Add(obj any) error { return s.Update(obj) }

// Update implements cache.ReflectorStore.
func (s *store[T]) Update(obj any) error {
	object, ok := obj.(T)
	if !ok {
		return fmt.Errorf("unexpected object %T", obj)
	}
	s.namespace.mu.Lock()
	defer s.namespace.mu.Unlock()
	s.tell(s.set(object))
	s.namespace.notify()
	return nil
}

// Delete implements cache.ReflectorStore.
func (s *store[T]) Delete(obj any) error {
	object, ok := obj.(T)
	if !ok {
		return fmt.Errorf("unexpected object %T", obj)
	}
	s.namespace.mu.Lock()
	defer s.namespace.mu.Unlock()
	s.tell(s.drop(object))
	s.namespace.notify()
	return nil
}

// Replace implements cache.ReflectorStore: the watch was lost and a fresh list tells what is there now.
func (s *store[T]) Replace(list []any, _ string) error {
	s.namespace.mu.Lock()
	defer s.namespace.mu.Unlock()
	listed := make(map[string]T, len(list))
	for _, obj := range list {
		object, ok := obj.(T)
		if !ok {
			return fmt.Errorf("unexpected object %T", obj)
		}
		listed[object.GetName()] = object
	}
	var changes []change[T]
	for name, object := range s.objects {
		if fresh, ok := listed[name]; !ok || fresh.GetUID() != object.GetUID() {
			changes = append(changes, s.drop(object))
		}
	}
	for name, object := range listed {
		if old, ok := s.objects[name]; !ok || old.GetResourceVersion() != object.GetResourceVersion() {
			changes = append(changes, s.set(object))
		}
	}
	s.tell(changes...)
	s.once.Do(func() { close(s.ready) })
	s.namespace.notify()
	return nil
}

// Resync implements cache.ReflectorStore.
func (s *store[T]) Resync() error { return nil }

// change is an object that was written or has gone.
type change[T client.Object] struct {
	object T
	gone   bool
}

func (s *store[T]) set(object T) change[T] {
	object.SetManagedFields(nil)
	s.objects[object.GetName()] = object
	return change[T]{object: object}
}

func (s *store[T]) drop(object T) change[T] {
	delete(s.objects, object.GetName())
	return change[T]{object: object, gone: true}
}

func (s *store[T]) tell(changes ...change[T]) {
	if s.record == nil {
		return
	}
	now := time.Now()
	pods := make([]PodChange, 0, len(changes))
	for _, c := range changes {
		if pod, ok := any(c.object).(*corev1.Pod); ok {
			pods = append(pods, PodChange{At: now, Pod: pod, Gone: c.gone})
		}
	}
	s.record(pods)
}
