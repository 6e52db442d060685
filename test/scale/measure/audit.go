// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package measure

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"time"
)

// AuditPolicy makes the API server log each completed request once, without bodies. The users named are left out.
func AuditPolicy(leftOut ...string) ([]byte, error) {
	type rule struct {
		Level      string   `json:"level"`
		Users      []string `json:"users,omitempty"`
		OmitStages []string `json:"omitStages,omitempty"`
	}
	policy := struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Rules      []rule `json:"rules"`
	}{APIVersion: "audit.k8s.io/v1", Kind: "Policy"}
	if len(leftOut) > 0 {
		policy.Rules = append(policy.Rules, rule{Level: "None", Users: leftOut})
	}
	policy.Rules = append(policy.Rules, rule{Level: "Metadata", OmitStages: []string{"RequestReceived", "ResponseStarted"}})
	return json.Marshal(policy)
}

// Request is one completed API request.
type Request struct {
	// Verb is the Kubernetes verb: create, patch, list ...
	Verb string
	// Resource is plural, with the subresource after a slash: pods/status.
	Resource string
	// User is the authenticated name.
	User string
	// Code is the HTTP status of the answer.
	Code int
	// End is when the answer was complete, by the API server's clock.
	End time.Time
}

// Failed reports whether the answer was an error.
func (r Request) Failed() bool { return r.Code >= http.StatusBadRequest }

// Reads reports whether the request is a list or a watch: those are paid per client and resync, not per Pod.
func (r Request) Reads() bool { return r.Verb == "list" || r.Verb == "watch" }

// AuditLog follows the audit log of an API server.
type AuditLog struct {
	file *os.File
	rest []byte
}

// OpenAuditLog follows the log at path from its present end.
func OpenAuditLog(path string) (*AuditLog, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open audit log: %w", err)
	}
	if _, err := file.Seek(0, io.SeekEnd); err != nil {
		return nil, errors.Join(fmt.Errorf("seek in audit log: %w", err), file.Close())
	}
	return &AuditLog{file: file}, nil
}

// Close ends the following.
func (l *AuditLog) Close() error { return l.file.Close() }

// Next returns the requests logged since the last call. A line that is still being written is left for the next call.
func (l *AuditLog) Next() ([]Request, error) {
	fresh, err := io.ReadAll(bufio.NewReader(l.file))
	if err != nil {
		return nil, fmt.Errorf("read audit log: %w", err)
	}
	data := slices.Concat(l.rest, fresh)
	end := bytes.LastIndexByte(data, '\n') + 1
	l.rest = bytes.Clone(data[end:])
	var requests []Request
	for line := range bytes.Lines(data[:end]) {
		request, err := parseAuditEvent(line)
		if err != nil {
			return nil, err
		}
		requests = append(requests, request)
	}
	return requests, nil
}

func parseAuditEvent(line []byte) (Request, error) {
	var event struct {
		Verb string `json:"verb"`
		User struct {
			Username string `json:"username"`
		} `json:"user"`
		ObjectRef struct {
			Resource    string `json:"resource"`
			Subresource string `json:"subresource"`
		} `json:"objectRef"`
		ResponseStatus struct {
			Code int `json:"code"`
		} `json:"responseStatus"`
		StageTimestamp time.Time `json:"stageTimestamp"`
	}
	if err := json.Unmarshal(line, &event); err != nil {
		return Request{}, fmt.Errorf("parse audit event: %w", err)
	}
	resource := event.ObjectRef.Resource
	if event.ObjectRef.Subresource != "" {
		resource += "/" + event.ObjectRef.Subresource
	}
	return Request{
		Verb: event.Verb, Resource: resource, User: event.User.Username,
		Code: event.ResponseStatus.Code, End: event.StageTimestamp,
	}, nil
}
