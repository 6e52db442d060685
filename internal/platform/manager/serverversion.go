// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"fmt"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/version"
	apiversion "k8s.io/apimachinery/pkg/version"
)

// parseServerVersion reads the version that an API server reports. Vendors append what they like ("v1.32.1-gke.5", minor
// "32+"): only the leading numbers count (manager specification 19.20).
func parseServerVersion(info *apiversion.Info) (*version.Version, error) {
	if parsed, err := version.ParseGeneric(info.GitVersion); err == nil && parsed.Major() > 0 {
		return parsed, nil
	}
	major, majorOK := leadingNumber(info.Major)
	minor, minorOK := leadingNumber(info.Minor)
	if !majorOK || !minorOK || major == 0 {
		return nil, fmt.Errorf("the API server reports version %q, major %q, minor %q: no numbers in it", info.GitVersion, info.Major, info.Minor)
	}
	return version.MajorMinor(major, minor), nil
}

func leadingNumber(text string) (uint, bool) {
	text = strings.TrimPrefix(strings.TrimSpace(text), "v")
	end := strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' })
	if end >= 0 {
		text = text[:end]
	}
	number, err := strconv.ParseUint(text, 10, 16)
	return uint(number), err == nil
}
