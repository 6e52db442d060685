// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package conversion

// EachMap calls the function with every map of a list; on anything else it does nothing.
func EachMap(list any, use func(map[string]any)) {
	items, _ := list.([]any)
	for _, item := range items {
		if m, ok := item.(map[string]any); ok {
			use(m)
		}
	}
}
