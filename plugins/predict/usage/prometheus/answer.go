// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/bounded"
)

// series is one of an answer.
type series struct {
	Metric map[string]string `json:"metric"`
	// Value of an instant query, Values of a range query.
	Value  *point  `json:"value"`
	Values []point `json:"values"`
	// Histograms in the place of values, of which nothing but their number counts.
	Histograms []json.RawMessage `json:"histograms"`
}

// point is a value at a time.
type point struct {
	at    time.Time
	value float64
}

// UnmarshalJSON reads [seconds, "value"].
func (p *point) UnmarshalJSON(data []byte) error {
	at, value, ok := bytes.Cut(bytes.TrimSuffix(bytes.TrimPrefix(data, []byte("[")), []byte("]")), []byte(","))
	seconds, err := strconv.ParseFloat(string(bytes.TrimSpace(at)), 64)
	// Beyond that its milliseconds are no integer of 64 bits.
	if !ok || err != nil || math.Abs(seconds) > math.MaxInt64/1000 {
		return fmt.Errorf("%.100s is no value at a time", data)
	}
	p.at = time.UnixMilli(int64(math.Round(seconds * 1000)))
	value = bytes.TrimSpace(value)
	if len(value) < 2 || value[0] != '"' || value[len(value)-1] != '"' {
		return fmt.Errorf("%.100s is no value at a time", data)
	}
	p.value, err = strconv.ParseFloat(string(value[1:len(value)-1]), 64)
	if errors.Is(err, strconv.ErrRange) {
		err = nil // It is infinite, which the Cleaner drops.
	}
	return err
}

// answer is all of an answer but its series.
type answer struct {
	status, errorType, message string
	resultType                 string
	warnings                   []string
}

// readAnswer hands the series of an answer to each one by one, as they come, so that an answer that is refused has cost no
// more than what came until then. each is not to keep the series or what is in it but strings; it is nil where the server
// wrote null. The error of each ends the reading. Whether the answer is that of an error is known only in the end.
func readAnswer(body io.Reader, maxSeries int, each func(*series) error) (answer, error) {
	var a answer
	d := bounded.NewDecoder(body)
	count, buffer := 0, series{}
	element := func() error {
		if count++; count > maxSeries {
			return fmt.Errorf("%w: more than %d series", ErrTooLarge, maxSeries)
		}
		clear(buffer.Metric)
		buffer = series{Metric: buffer.Metric, Values: buffer.Values[:0]}
		s := &buffer
		if err := d.Decode(&s); err != nil {
			return err
		}
		return each(s)
	}
	data := func(name string) error {
		switch name {
		case "resultType":
			return d.Decode(&a.resultType)
		case "result":
			return d.Array(element)
		}
		return d.Skip()
	}
	err := d.Object(func(name string) error {
		switch name {
		case "status":
			return d.Decode(&a.status)
		case "errorType":
			return d.Decode(&a.errorType)
		case "error":
			return d.Decode(&a.message)
		case "warnings":
			return d.Array(func() error {
				var warning string
				err := d.Decode(&warning)
				a.warnings = usage.AddWarning(a.warnings, warning)
				return err
			})
		case "data":
			return d.Object(data)
		}
		return d.Skip()
	})
	if err != nil {
		return a, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return a, cmp.Or(err, errors.New("there is something behind the answer"))
	}
	return a, nil
}
