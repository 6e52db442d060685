// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"strings"
	"testing"
	"time"
)

// kept are the figures of an update in place as it should be.
func kept(modify ...func(*figures)) figures {
	f := figures{
		total: 10, kept: 10, ipsKept: 10, othersKept: 10, updated: 10, current: 10, ready: 10, restarts: 10,
		elapsed: 4130 * time.Millisecond, writes: 96,
	}
	for _, m := range modify {
		m(&f)
	}
	return f
}

func talked(seen conversation) func(*figures) { return func(f *figures) { f.client = &seen } }

func TestTable(t *testing.T) {
	made := figures{total: 10, made: 10, elapsed: 9 * time.Second, writes: 270}
	interrupted := made
	talked(conversation{answered: 500, failed: 10, lost: 9})(&interrupted)
	for name, test := range map[string]struct {
		scenario *Scenario
		sides    []figures
		want     string
	}{
		"CloneSet": {InPlace(oldImage, newImage), []figures{kept(), made}, `
                         CloneSet, in place     Deployment
  Pods kept              10 of 10               0 of 10
  IPs kept               10 of 10               0 of 10
  Pods made anew         0                      10
  Containers restarted   10                     0
  Seconds                4.1                    9.0
  API writes             96                     270
`},
		"SidecarSet": {Sidecar("app", oldImage, newImage), []figures{kept(talked(conversation{answered: 400})), interrupted}, `
                         SidecarSet, in place   in the templates
  Pods kept              10 of 10               0 of 10
  IPs kept               10 of 10               0 of 10
  Applications kept      10 of 10               0 of 10
  Pods made anew         0                      10
  Containers restarted   10                     0
  Requests answered      400                    500
  Requests failed        0                      10
  Connections lost       0                      9
  Seconds                4.1                    9.0
  API writes             96                     270
`},
		"SidecarSet without client": {Sidecar("app", oldImage, newImage), []figures{kept(), made}, `
                         SidecarSet, in place   in the templates
  Pods kept              10 of 10               0 of 10
  IPs kept               10 of 10               0 of 10
  Applications kept      10 of 10               0 of 10
  Pods made anew         0                      10
  Containers restarted   10                     0
  Seconds                4.1                    9.0
  API writes             96                     270
`},
	} {
		t.Run(name, func(t *testing.T) {
			got := test.scenario.table(test.sides)
			if !strings.HasPrefix(got, test.want) {
				t.Errorf("table:\n%s\nwant it to begin with:\n%s", got, test.want)
			}
			for line := range strings.Lines(got) {
				if len(line) > 110 {
					t.Errorf("line of %d characters does not fit a terminal: %s", len(line), line)
				}
			}
		})
	}
}

func TestWhatIsPromised(t *testing.T) {
	for name, test := range map[string]struct {
		ours figures
		// want is part of the error, empty for none.
		want string
	}{
		"all is kept":            {kept(talked(conversation{answered: 100})), ""},
		"nobody talked":          {kept(), ""},
		"a Pod was made anew":    {kept(func(f *figures) { f.kept-- }), "Pods kept: 9 of 10"},
		"another IP":             {kept(func(f *figures) { f.ipsKept-- }), "IPs kept: 9 of 10"},
		"an application ended":   {kept(func(f *figures) { f.othersKept-- }), "beside the one that changed kept: 9 of 10"},
		"not updated":            {kept(func(f *figures) { f.current-- }), "of the new image and ready: 9 of 10"},
		"a request failed":       {kept(talked(conversation{answered: 100, failed: 1})), "no answer to 1 requests"},
		"a connection broke":     {kept(talked(conversation{answered: 100, lost: 1})), "lost 1 connections"},
		"the client got nothing": {kept(talked(conversation{})), "got 0 answers"},
	} {
		err := Sidecar("app", oldImage, newImage).judge(test.ours)
		if (err == nil) != (test.want == "") || (err != nil && !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want an error with %q", name, err, test.want)
		}
	}
}
