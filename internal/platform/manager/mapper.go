// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// rememberingMapper remembers where kinds are served. Clients ask with every request, and the answer of the mapper below is a search
// through all groups that costs more than encoding the request. A kind keeps its resource and scope for good; those that are not served
// (yet) are not remembered.
type rememberingMapper struct {
	meta.RESTMapper
	known sync.Map // schema.GroupVersionKind to *meta.RESTMapping
}

// RESTMapping implements meta.RESTMapper.
func (m *rememberingMapper) RESTMapping(kind schema.GroupKind, versions ...string) (*meta.RESTMapping, error) {
	if len(versions) != 1 {
		return m.RESTMapper.RESTMapping(kind, versions...)
	}
	key := kind.WithVersion(versions[0])
	if known, ok := m.known.Load(key); ok {
		return known.(*meta.RESTMapping), nil
	}
	mapping, err := m.RESTMapper.RESTMapping(kind, versions...)
	if err != nil {
		return nil, err
	}
	m.known.Store(key, mapping)
	return mapping, nil
}
