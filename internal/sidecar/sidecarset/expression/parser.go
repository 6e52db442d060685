// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"fmt"
	"math/big"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
)

// maxExponent bounds the exponents of literals: nobody means more, and larger ones would take for ever.
const maxExponent = 99

// parser reads an expression by recursive descent and builds its value on the way.
type parser struct {
	text     string
	variable string
	// at is the offset of what is read next.
	at int
}

// errorf names the place in the text, counting characters from 1.
func (p *parser) errorf(at int, format string, args ...any) error {
	return fmt.Errorf("at character %d of %q: %s", at+1, p.text, fmt.Sprintf(format, args...))
}

func (p *parser) whole() (operand, error) {
	value, err := p.sum()
	if p.peek(); err == nil && p.at < len(p.text) {
		return operand{}, p.errorf(p.at, "there should be an operator (+ - * /) or the end, not %q", p.text[p.at:])
	}
	return value, err
}

// sum = product { ("+" | "-") product }
func (p *parser) sum() (operand, error) {
	left, err := p.product()
	for err == nil {
		combine := difference
		switch p.peek() {
		case '+':
			combine = sum
		case '-':
		default:
			return left, nil
		}
		p.at++
		var right operand
		if right, err = p.product(); err == nil {
			left = combine(left, right)
		}
	}
	return operand{}, err
}

// product = factor { ("*" | "/") factor }
func (p *parser) product() (operand, error) {
	left, err := p.factor()
	for err == nil {
		combine := quotient
		switch p.peek() {
		case '*':
			combine = product
		case '/':
		default:
			return left, nil
		}
		at := p.at
		p.at++
		right, wrong := p.factor()
		if wrong != nil {
			return operand{}, wrong
		}
		if left, err = combine(left, right); err != nil {
			err = p.errorf(at, "%v", err)
		}
	}
	return operand{}, err
}

// factor = "-" factor | "(" sum ")" | literal | variable | function "(" sum "," sum ")"
func (p *parser) factor() (operand, error) {
	switch c := p.peek(); {
	case c == '-':
		p.at++
		value, err := p.factor()
		if err != nil {
			return operand{}, err
		}
		return negate(value), nil
	case c == '(':
		p.at++
		return p.closed()
	case isDigit(c), c == '.':
		return p.literal()
	case isLetter(c):
		return p.name()
	case p.at == len(p.text):
		return operand{}, p.errorf(p.at, "a value is missing")
	default:
		return operand{}, p.errorf(p.at, "there should be a value, not %q", p.text[p.at:])
	}
}

// closed reads what stands before a closing parenthesis, and that.
func (p *parser) closed() (operand, error) {
	value, err := p.sum()
	if err == nil {
		err = p.expect(')')
	}
	return value, err
}

func (p *parser) name() (operand, error) {
	at := p.at
	word := p.word()
	switch name := strings.ToLower(word); name {
	case p.variable:
		return operand{quantity: func(variable amount) amount { return variable }}, nil
	case "max":
		return p.call(larger)
	case "min":
		return p.call(smaller)
	default:
		return operand{}, p.errorf(at, "%q is not known here: use %s, max(a,b) or min(a,b)", word, p.variable)
	}
}

// call reads the two arguments of a function.
func (p *parser) call(function func(a, b operand) operand) (operand, error) {
	if err := p.expect('('); err != nil {
		return operand{}, err
	}
	first, err := p.sum()
	if err != nil {
		return operand{}, err
	}
	if err := p.expect(','); err != nil {
		return operand{}, err
	}
	second, err := p.closed()
	if err != nil {
		return operand{}, err
	}
	return function(first, second), nil
}

// literal reads a number, a percentage or a quantity, of which the part finer than a thousandth is rounded up.
func (p *parser) literal() (operand, error) {
	at := p.at
	number, err := p.number()
	if err != nil {
		return operand{}, err
	}
	switch c := p.peek(); {
	case c == '%':
		p.at++
		return numberOf(number.Mul(number, big.NewRat(1, 100))), nil
	case isLetter(c):
		word := p.word()
		unit, ok := units()[word]
		if !ok {
			return operand{}, p.errorf(at, "%q is no unit: use one of m, k, M, G, T, P, Ki, Mi, Gi, Ti, Pi, or %% for a percentage", word)
		}
		number.Mul(number, unit.milli)
		return constantOf(amount{milli: ceil(number.Num(), number.Denom()), family: unit.family}), nil
	default:
		return numberOf(number), nil
	}
}

// number reads digits with an optional fraction and exponent.
func (p *parser) number() (*big.Rat, error) {
	start := p.at
	p.digits()
	if p.at < len(p.text) && p.text[p.at] == '.' {
		p.at++
		p.digits()
	}
	mantissa := p.text[start:p.at]
	exponent := p.exponent()
	if mantissa == "." || len(strings.TrimLeft(exponent, "eE+-0")) > len("99") {
		return nil, p.errorf(start, "%q is no number with an exponent of at most %d", p.text[start:p.at], maxExponent)
	}
	number, ok := new(big.Rat).SetString(mantissa + exponent)
	if !ok {
		return nil, p.errorf(start, "%q is no number", mantissa+exponent)
	}
	return number, nil
}

// exponent reads an exponent; empty when there is none: the e of what follows may begin a unit.
func (p *parser) exponent() string {
	start, at := p.at, p.at
	if at < len(p.text) && (p.text[at] == 'e' || p.text[at] == 'E') {
		at++
		if at < len(p.text) && (p.text[at] == '+' || p.text[at] == '-') {
			at++
		}
		if at < len(p.text) && isDigit(p.text[at]) {
			p.at = at
			p.digits()
		}
	}
	return p.text[start:p.at]
}

func (p *parser) digits() {
	for p.at < len(p.text) && isDigit(p.text[p.at]) {
		p.at++
	}
}

// word reads letters, and digits after them.
func (p *parser) word() string {
	start := p.at
	for p.at < len(p.text) && (isLetter(p.text[p.at]) || isDigit(p.text[p.at])) {
		p.at++
	}
	return p.text[start:p.at]
}

func (p *parser) expect(c byte) error {
	if p.peek() != c {
		return p.errorf(p.at, "%q is missing", string(c))
	}
	p.at++
	return nil
}

// peek skips blanks and looks at the next byte; 0 at the end, as for a byte 0, which nothing takes.
func (p *parser) peek() byte {
	for p.at < len(p.text) && strings.ContainsRune(" \t\r\n", rune(p.text[p.at])) {
		p.at++
	}
	if p.at == len(p.text) {
		return 0
	}
	return p.text[p.at]
}

func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' }

// unit is what a suffix makes of a number.
type unit struct {
	// milli is how many thousandths it stands for.
	milli  *big.Rat
	family resource.Format
}

func units() map[string]unit {
	all := map[string]unit{"m": {milli: big.NewRat(1, 1), family: resource.DecimalSI}}
	decimal, binary := thousand(), thousand()
	for i, suffix := range []string{"k", "M", "G", "T", "P"} {
		decimal.Mul(decimal, thousand())
		binary.Mul(binary, big.NewInt(1024))
		all[suffix] = unit{milli: new(big.Rat).SetInt(decimal), family: resource.DecimalSI}
		all[[]string{"Ki", "Mi", "Gi", "Ti", "Pi"}[i]] = unit{milli: new(big.Rat).SetInt(binary), family: resource.BinarySI}
	}
	return all
}
