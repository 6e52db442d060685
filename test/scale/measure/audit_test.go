// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package measure

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const auditLine = `{"kind":"Event","stage":"ResponseComplete","verb":"patch","user":{"username":"system:serviceaccount:a:b"},` +
	`"objectRef":{"resource":"pods","subresource":"status","namespace":"n","name":"p"},"responseStatus":{"code":409},` +
	`"stageTimestamp":"2026-03-01T08:00:00.000000Z"}` + "\n"

func TestAuditLogReturnsEachCompleteLineOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	write := func(text string) {
		t.Helper()
		file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if _, err := file.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	write(auditLine)
	log, err := OpenAuditLog(path)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()

	want := Request{
		Verb: "patch", Resource: "pods/status", User: "system:serviceaccount:a:b", Code: 409,
		End: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC),
	}
	steps := []struct {
		name, write string
		want        []Request
	}{
		{"lines before the opening do not count", "", nil},
		{"one line and a half", auditLine + auditLine[:50], []Request{want}},
		{"the other half", auditLine[50:], []Request{want}},
		{"nothing new", "", nil},
	}
	for _, step := range steps {
		write(step.write)
		got, err := log.Next()
		if err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if diff := cmp.Diff(step.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
	}
}

func TestAuditPolicyLeavesUsersOutFirst(t *testing.T) {
	got, err := AuditPolicy("nodes")
	if err != nil {
		t.Fatal(err)
	}
	want := `{"apiVersion":"audit.k8s.io/v1","kind":"Policy","rules":[{"level":"None","users":["nodes"]},` +
		`{"level":"Metadata","omitStages":["RequestReceived","ResponseStarted"]}]}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("policy (-want +got):\n%s", diff)
	}
}
