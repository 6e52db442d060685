// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
)

//go:embed performance.md.tmpl
var reportText string

// writeReport writes the results as a page to path and as JSON beside it.
func writeReport(path string, results *Results) error {
	page, err := renderReport(results)
	if err != nil {
		return err
	}
	data, err := json.MarshalIndent(results, "", "  ")
	if err != nil {
		return fmt.Errorf("encode results: %w", err)
	}
	if err := os.WriteFile(path, page, 0o644); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	data = append(data, '\n')
	if err := os.WriteFile(strings.TrimSuffix(path, filepath.Ext(path))+".json", data, 0o644); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	return nil
}

// section is the rows of one size.
type section struct {
	Pods int
	Rows []Row
}

func renderReport(results *Results) ([]byte, error) {
	functions := template.FuncMap{
		"label": actionLabel, "mb": megabytes, "figure": figure, "counts": counts, "bound": bound,
		"leftOut":   func() string { return podsLeftOut },
		"percent":   func(share float64) string { return figure(100*share) + "%" },
		"per":       func(bytes int64, objects int) int64 { return bytes / int64(objects) },
		"perObject": func(millis float64, objects int) float64 { return millis / float64(objects) },
		"pairs": func(m map[string]string) []string {
			lines := make([]string, 0, len(m))
			for _, key := range slices.Sorted(maps.Keys(m)) {
				lines = append(lines, key+": "+m[key])
			}
			return lines
		},
	}
	page, err := template.New("performance.md").Funcs(functions).Parse(reportText)
	if err != nil {
		return nil, fmt.Errorf("parse report template: %w", err)
	}
	var sections []section
	for _, row := range medians(results.Rows) {
		if len(sections) == 0 || sections[len(sections)-1].Pods != row.Pods {
			sections = append(sections, section{Pods: row.Pods})
		}
		last := &sections[len(sections)-1]
		last.Rows = append(last.Rows, row)
	}
	for _, s := range sections {
		slices.SortStableFunc(s.Rows, func(a, b Row) int { return actionOrder(a.Action) - actionOrder(b.Action) })
	}
	var text bytes.Buffer
	if err := page.Execute(&text, struct {
		*Results
		Sections []section
	}{results, sections}); err != nil {
		return nil, fmt.Errorf("render report: %w", err)
	}
	return text.Bytes(), nil
}

// actionOrder sorts rows so that those to be compared stand together.
func actionOrder(a action) int {
	return slices.Index([]action{actionCreate, actionUpdate, actionRecreate, actionScaleIn}, a)
}

// counts are requests or failures per Pod, the most frequent first. What is rare is left out.
func counts(requests map[string]int, pods int) string {
	kinds := slices.SortedFunc(maps.Keys(requests), func(a, b string) int {
		return cmp.Or(cmp.Compare(requests[b], requests[a]), cmp.Compare(a, b))
	})
	var parts []string
	for _, kind := range kinds {
		if perPod := float64(requests[kind]) / float64(pods); perPod >= 0.005 {
			parts = append(parts, fmt.Sprintf("%s %.2f", kind, perPod))
		}
	}
	return strings.Join(parts, ", ")
}

// bound is what a verdict asks for.
func bound(v Verdict) string {
	if v.AtMost {
		return "≤ " + figure(v.Want)
	}
	return "≥ " + figure(v.Want)
}

// figure prints a number with as many digits as it deserves.
func figure(value float64) string {
	if value == math.Trunc(value) || math.Abs(value) >= 100 {
		return fmt.Sprintf("%.0f", value)
	}
	return fmt.Sprintf("%.2f", value)
}

func megabytes(n int64) float64 { return float64(n) / 1e6 }

func round1(value float64) float64 { return math.Round(value*10) / 10 }

func round2(value float64) float64 { return math.Round(value*100) / 100 }
