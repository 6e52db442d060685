// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package expression is the language in which a sidecar's resources are computed from those of the Pod's own containers (sidecarset spec
// 3.4.8 and 8.19), such as max(cpu*50%, 50m). Arithmetic is exact but for the places where the specification cuts off.
package expression

import (
	"fmt"
	"math/big"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// MaxLength bounds the text of an expression, in bytes, and with that the time and memory that one takes.
const MaxLength = 1024

// Expression is an expression in one variable. It may be used by many goroutines at once.
type Expression struct {
	text     string
	variable corev1.ResourceName
	value    quantity
}

// Parse reads an expression in a variable, which is named like the resource: cpu or memory. All that can be wrong with an expression, but for
// results that are negative or too large, is found here, and the error says where in the text: only numbers can be divided by, and these
// do not depend on the variable.
func Parse(text string, variable corev1.ResourceName) (*Expression, error) {
	if len(text) > MaxLength {
		return nil, fmt.Errorf("the expression has %d bytes, of at most %d", len(text), MaxLength)
	}
	p := parser{text: text, variable: string(variable)}
	value, err := p.whole()
	if err != nil {
		return nil, err
	}
	return &Expression{text: text, variable: variable, value: value.asQuantity()}, nil
}

// Evaluate computes the expression: cores of cpu in thousandths, or whole bytes of memory, rounded up.
func (e *Expression) Evaluate(variable resource.Quantity) (resource.Quantity, error) {
	result := e.value(amountOf(variable))
	if result.milli.Sign() < 0 {
		return resource.Quantity{}, fmt.Errorf("%q is negative where %s is %s", e.text, e.variable, variable.String())
	}
	if e.variable == corev1.ResourceMemory {
		bytes := ceil(result.milli, thousand())
		result.milli = bytes.Mul(bytes, thousand())
	}
	quantity, ok := result.quantity()
	if !ok {
		return resource.Quantity{}, fmt.Errorf("%q is too large for a quantity where %s is %s", e.text, e.variable, variable.String())
	}
	return quantity, nil
}

// amount is the value of a quantity.
type amount struct {
	// milli counts thousandths of a core or byte.
	milli *big.Int
	// family is how the quantity is displayed; empty when that is open, as for what was a number.
	family resource.Format
}

// amountOf rounds up to thousandths, as API servers do with resources.
func amountOf(q resource.Quantity) amount {
	dec := q.AsDec()
	milli := new(big.Rat).SetInt(dec.UnscaledBig())
	scale := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(abs(int64(dec.Scale()))), nil))
	if dec.Scale() > 0 {
		scale.Inv(scale)
	}
	milli.Mul(milli, scale).Mul(milli, new(big.Rat).SetInt(thousand()))
	return amount{milli: ceil(milli.Num(), milli.Denom()), family: q.Format}
}

// quantity is false when the amount is too large for one.
func (a amount) quantity() (q resource.Quantity, ok bool) {
	family := a.family
	if family == "" {
		family = resource.DecimalSI
	}
	whole, rest := new(big.Int).QuoRem(a.milli, thousand(), new(big.Int))
	switch {
	case rest.Sign() == 0 && whole.IsInt64():
		return *resource.NewQuantity(whole.Int64(), family), true
	case rest.Sign() != 0 && a.milli.IsInt64():
		return *resource.NewMilliQuantity(a.milli.Int64(), family), true
	default:
		return resource.Quantity{}, false
	}
}

// or is the family, and that of the other where it is open.
func (a amount) or(other amount) resource.Format {
	if a.family == "" {
		return other.family
	}
	return a.family
}

func thousand() *big.Int { return big.NewInt(1000) }

// ceil rounds a fraction up; the denominator is positive.
func ceil(numerator, denominator *big.Int) *big.Int {
	quotient, rest := new(big.Int).DivMod(numerator, denominator, new(big.Int))
	if rest.Sign() != 0 {
		quotient.Add(quotient, big.NewInt(1))
	}
	return quotient
}

func abs(n int64) int64 { return max(n, -n) }
