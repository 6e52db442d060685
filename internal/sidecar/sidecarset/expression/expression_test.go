// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"pgregory.net/rapid"
)

const (
	cpu    = corev1.ResourceCPU
	memory = corev1.ResourceMemory
)

func evaluate(text string, name corev1.ResourceName, variable string) (string, error) {
	e, err := Parse(text, name)
	if err != nil {
		return "", fmt.Errorf("parse: %w", err)
	}
	q, err := e.Evaluate(resource.MustParse(variable))
	return q.String(), err
}

func TestEvaluate(t *testing.T) {
	tests := []struct {
		text     string
		name     corev1.ResourceName
		variable string
		want     string
	}{
		// the examples of the specification
		{"max(cpu*50%, 50m)", cpu, "600m", "300m"},
		{"max(cpu*50%, 50m)", cpu, "400m", "200m"},
		{"memory*15% + 50Mi", memory, "500Mi", "125Mi"},
		{"1000Mi * 20% + 100Mi", memory, "0", "300Mi"},
		{"200m * 50%", cpu, "0", "100m"},
		// precedence and association
		{"1 + 2 * 3", cpu, "0", "7"},
		{"(1 + 2) * 3", cpu, "0", "9"},
		{"10 - 3 - 2", cpu, "0", "5"},
		{"12 / 3 / 2", cpu, "0", "2"},
		{"12 / 3 * 2", cpu, "0", "8"},
		{"-1 + 2", cpu, "0", "1"},
		{"--cpu", cpu, "2", "2"},
		{"2 - -1", cpu, "0", "3"},
		{"-2 * -cpu", cpu, "2", "4"},
		// blanks, and names in any case
		{" max ( cpu , 1 )\t", cpu, "2", "2"},
		{"MAX(CPU,1)+Min(Cpu,1)", cpu, "2", "3"},
		{"MEMORY", memory, "64Mi", "64Mi"},
		{"100 Mi", memory, "0", "100Mi"},
		{"cpu * 50 %", cpu, "1", "500m"},
		// literals
		{".5", cpu, "0", "500m"},
		{"2.", cpu, "0", "2"},
		{"1e3", cpu, "0", "1k"},
		{"1E+3", cpu, "0", "1k"},
		{"5e-1", cpu, "0", "500m"},
		{"007", cpu, "0", "7"},
		{"1.5k", cpu, "0", "1500"},
		{"1M", memory, "0", "1M"},
		{"1G", memory, "0", "1G"},
		{"1T", memory, "0", "1T"},
		{"1P", memory, "0", "1P"},
		{"1Ki", memory, "0", "1Ki"},
		{"1Gi", memory, "0", "1Gi"},
		{"1Ti", memory, "0", "1Ti"},
		{"1Pi", memory, "0", "1Pi"},
		// numbers beside quantities are whole units, cut off at thousandths
		{"cpu + 1", cpu, "500m", "1500m"},
		{"memory + 1024", memory, "1Ki", "2Ki"},
		{"cpu + 0.0019", cpu, "1", "1001m"},
		{"cpu - 0.0019", cpu, "1", "999m"},
		{"max(cpu, 0.0019)", cpu, "0", "1m"},
		{"min(cpu, 1)", cpu, "2", "1"},
		{"max(1, 2) * cpu", cpu, "2", "4"},
		{"2 * cpu", cpu, "2", "4"},
		// products and quotients of quantities are cut off at thousandths, those of numbers are not
		{"cpu * 0.3333", cpu, "1", "333m"},
		{"cpu / 3 * 3", cpu, "1", "999m"},
		{"cpu * (1 / 3 * 3)", cpu, "1", "1"},
		{"0 - cpu / 3 + 1", cpu, "2", "334m"},
		{"1/3", cpu, "0", "333m"},
		// negative on the way is fine
		{"cpu - 2 + 3", cpu, "1", "2"},
		{"max(cpu - 2, 0)", cpu, "1", "0"},
		{"max(memory - 100Mi, 10Mi)", memory, "50Mi", "10Mi"},
		// zero
		{"cpu", cpu, "0", "0"},
		{"memory * 50%", memory, "0", "0"},
		// the family: of the left one, unless it is zero
		{"memory + 50Mi", memory, "0", "50Mi"},
		{"memory + 1M", memory, "1Mi", "2048576"},
		{"1k + 1Ki", memory, "0", "2024"},
		{"24 + 1Ki + 1000", memory, "0", "2Ki"},
		{"max(1Mi, 1M)", memory, "0", "1Mi"},
		{"min(1Mi, 1M)", memory, "0", "1M"},
		{"max(1Mi, 2097152)", memory, "0", "2Mi"},
		{"min(2097152, 4Mi)", memory, "0", "2Mi"},
		{"2048", memory, "0", "2048"},
		// memory in whole bytes, rounded up; quantities in thousandths, rounded up
		{"1500m", memory, "0", "2"},
		{"memory * 50%", memory, "1025", "513"},
		{"memory", memory, "1500m", "2"},
		{"1.5m", cpu, "0", "2m"},
		{"cpu", cpu, "1500u", "2m"},
		// exact where floats are not
		{"memory * 10%", memory, "9007199254740993", "900719925474100"},
		{"memory - 1", memory, "9223372036854775807", "9223372036854775806"},
		{"memory * 3 / 3", memory, "9223372036854775807", "9223372036854775807"},
		{"memory + 0", memory, "20Pi", "20Pi"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got, err := evaluate(tt.text, tt.name, tt.variable)
			if err != nil || got != tt.want {
				t.Errorf("%s = %s: got %s (%v), want %s", tt.name, tt.variable, got, err, tt.want)
			}
		})
	}
}

func TestMistakes(t *testing.T) {
	tests := map[string]struct {
		text string
		name corev1.ResourceName
		want string
	}{
		"empty":                   {"", cpu, `at character 1 of "": a value is missing`},
		"blanks":                  {"  ", cpu, "a value is missing"},
		"lower-case unit":         {"100mi", memory, `at character 1 of "100mi": "mi" is no unit`},
		"unit E":                  {"1E", memory, `"E" is no unit`},
		"unit Ei":                 {"1Ei", memory, `"Ei" is no unit`},
		"unit e":                  {"1e", memory, `"e" is no unit`},
		"unknown unit":            {"cpu + 5x", cpu, `at character 7 of "cpu + 5x": "x" is no unit`},
		"digit in a unit":         {"5m5", cpu, `"m5" is no unit`},
		"exponent without digits": {"1e+", cpu, `"e" is no unit`},
		"large exponent":          {"1e100", cpu, `"1e100" is no number with an exponent of at most 99`},
		"small exponent":          {"1e-1000000000", cpu, "exponent of at most 99"},
		"lone dot":                {".", cpu, `"." is no number`},
		"two dots":                {"1.2.3", cpu, `at character 4 of "1.2.3": there should be an operator`},
		"two numbers":             {"5 0", cpu, "there should be an operator"},
		"other variable":          {"memory", cpu, `"memory" is not known here: use cpu`},
		"other variable, reverse": {"cpu", memory, `"cpu" is not known here: use memory`},
		"unknown function":        {"avg(cpu,1)", cpu, `"avg" is not known here`},
		"unary plus":              {"+1", cpu, "there should be a value"},
		"unary plus inside":       {"cpu*+1", cpu, "there should be a value"},
		"no operand":              {"cpu*", cpu, "a value is missing"},
		"open parenthesis":        {"(cpu", cpu, `")" is missing`},
		"close parenthesis":       {"cpu)", cpu, "there should be an operator"},
		"empty parentheses":       {"()", cpu, "there should be a value"},
		"one argument":            {"max(cpu)", cpu, `"," is missing`},
		"three arguments":         {"max(cpu,1,2)", cpu, `")" is missing`},
		"function alone":          {"max", cpu, `"(" is missing`},
		"two percent signs":       {"5%%", cpu, "there should be an operator"},
		"percentage of unit":      {"5m%", cpu, "there should be an operator"},
		"juxtaposed":              {"50%cpu", cpu, "there should be an operator"},
		"quantity squared":        {"cpu*cpu", cpu, "at character 4 of \"cpu*cpu\": a quantity cannot be multiplied by a quantity"},
		"quantity by literal":     {"cpu*100m", cpu, "a quantity cannot be multiplied by a quantity"},
		"chosen quantity":         {"max(cpu,1)*cpu", cpu, "a quantity cannot be multiplied by a quantity"},
		"by a quantity":           {"2/cpu", cpu, "a quantity cannot be divided by"},
		"quantity by a quantity":  {"cpu/100m", cpu, "a quantity cannot be divided by"},
		"by zero":                 {"cpu/0", cpu, `at character 4 of "cpu/0": division by zero`},
		"by a computed zero":      {"cpu/(1-50%*2)", cpu, "division by zero"},
		"byte 0":                  {"cpu\x00", cpu, "there should be an operator"},
		"not ASCII":               {"cpu×2", cpu, "there should be an operator"},
		"too long":                {strings.Repeat("(", MaxLength+1), cpu, "the expression has 1025 bytes, of at most 1024"},
		"long":                    {strings.Repeat("(", MaxLength), cpu, "a value is missing"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := Parse(tt.text, tt.name); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestResultsThatAreNone(t *testing.T) {
	tests := []struct {
		text     string
		name     corev1.ResourceName
		variable string
		want     string
	}{
		{"cpu - 2", cpu, "1", `"cpu - 2" is negative where cpu is 1`},
		{"-1m", memory, "0", `"-1m" is negative where memory is 0`},
		{"memory * 2", memory, "9223372036854775807", "is too large for a quantity"},
		{"1e99P * 1e99", cpu, "0", "is too large for a quantity"},
	}
	for _, tt := range tests {
		if _, err := evaluate(tt.text, tt.name, tt.variable); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s", tt.text, err, tt.want)
		}
	}
}

// TestVariableStays holds that one expression can be evaluated many times, and leaves what it is given alone.
func TestVariableStays(t *testing.T) {
	e, err := Parse("max(cpu*2+1, min(cpu, 5m)) - cpu", cpu)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"2", "1500m", "123456789123456789123n"} {
		q := resource.MustParse(text)
		first, err := e.Evaluate(q)
		if err != nil {
			t.Fatal(err)
		}
		second, err := e.Evaluate(q)
		if err != nil || first.Cmp(second) != 0 || q.String() != resource.NewQuantity(0, "").String() && q.Cmp(resource.MustParse(text)) != 0 {
			t.Errorf("%s: got %s, then %s (%v)", text, first.String(), second.String(), err)
		}
	}
}

func TestShareIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		milli := rapid.Int64Range(0, 1<<50).Draw(t, "milli")
		percent := rapid.Int64Range(0, 400).Draw(t, "percent")
		e, err := Parse(fmt.Sprintf("cpu*%d%%", percent), cpu)
		if err != nil {
			t.Fatal(err)
		}
		got, err := e.Evaluate(*resource.NewMilliQuantity(milli, resource.DecimalSI))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(milli*percent/100, got.MilliValue()); diff != "" {
			t.Error(diff)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"max(cpu*50%, 50m)", "min(1.5e-3,.5)/2--cpu", "100mi", "((cpu", "1e99P*1e99"} {
		f.Add(text, int64(200))
	}
	f.Fuzz(func(t *testing.T, text string, milli int64) {
		e, err := Parse(text, cpu)
		if err != nil {
			return
		}
		variable := *resource.NewMilliQuantity(max(milli, 0), resource.DecimalSI)
		got, err := e.Evaluate(variable)
		if err == nil && got.Sign() < 0 {
			t.Errorf("%q is negative", text)
		}
		// Blanks around, parentheses and names in capitals mean nothing.
		again, wrong := Parse(" ( "+text+" ) ", cpu)
		if wrong != nil {
			if len(text)+6 <= MaxLength {
				t.Errorf("%q: %v", text, wrong)
			}
			return
		}
		if same, wrong := again.Evaluate(variable); (wrong == nil) != (err == nil) || same.Cmp(got) != 0 {
			t.Errorf("%q: got %s (%v), in parentheses %s (%v)", text, got.String(), err, same.String(), wrong)
		}
	})
}
