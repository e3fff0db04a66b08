// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package pages

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage/bounded"
)

// counter is a counter of a cgroup that /metrics/cadvisor shows.
type counter uint8

const (
	cpuSeconds counter = iota
	cpuWaiting
	cpuStalled
	memoryWaiting
	memoryStalled
	ioWaiting
	ioStalled
	cfsPeriods
	cfsThrottled
	numCounters = int(cfsThrottled) + 1
)

// counterOf returns the counter of a metric's name. It is a switch over bytes, which
// allocates nothing, because it sees every line of the page.
func counterOf(name []byte) (counter, bool) {
	switch string(name) {
	case "container_cpu_usage_seconds_total":
		return cpuSeconds, true
	case "container_pressure_cpu_waiting_seconds_total":
		return cpuWaiting, true
	case "container_pressure_cpu_stalled_seconds_total":
		return cpuStalled, true
	case "container_pressure_memory_waiting_seconds_total":
		return memoryWaiting, true
	case "container_pressure_memory_stalled_seconds_total":
		return memoryStalled, true
	case "container_pressure_io_waiting_seconds_total":
		return ioWaiting, true
	case "container_pressure_io_stalled_seconds_total":
		return ioStalled, true
	case "container_cpu_cfs_periods_total":
		return cfsPeriods, true
	case "container_cpu_cfs_throttled_periods_total":
		return cfsThrottled, true
	}
	return 0, false
}

// cgroup is one cgroup's counters.
type cgroup struct {
	id string
	// namespace and pod are empty outside of pods. uid is the pod's, empty where the id does not tell it.
	namespace, pod, uid string
	// container is empty for the pod as a whole and for its sandbox.
	container string
	// sandbox says that this is the pod's pause container.
	sandbox bool
	total   [numCounters]float64
	at      [numCounters]time.Time
	has     uint16
}

func (g *cgroup) set(c counter, total float64, at time.Time) {
	g.total[c], g.at[c] = total, at
	g.has |= 1 << c
}

func (g *cgroup) get(c counter) (total float64, at time.Time, ok bool) {
	return g.total[c], g.at[c], g.has&(1<<c) != 0
}

// newest is when the newest of the counters was read.
func (g *cgroup) newest() (t time.Time) {
	for _, at := range g.at {
		if at.After(t) {
			t = at
		}
	}
	return t
}

// podUID is the UID in the id of a pod's cgroup or of one within it, as kubelets name them: …/pod<UID>/… or, by systemd,
// …/kubepods-burstable-pod<UID>.slice/… with underscores for dashes.
func podUID(id string) string {
	for part := range strings.SplitSeq(id, "/") {
		if uid, ok := strings.CutPrefix(part, "pod"); ok {
			return uid
		}
		if slice, ok := strings.CutSuffix(part, ".slice"); ok && strings.Contains(slice, "kubepods") {
			if i := strings.LastIndex(slice, "-pod"); i >= 0 {
				return strings.ReplaceAll(slice[i+len("-pod"):], "_", "-")
			}
		}
	}
	return ""
}

// Cgroups are the counters of a page of cAdvisor, by cgroup id.
type Cgroups map[string]*cgroup

// root is the id of the node's cgroup.
const root = "/"

// maxLine is the longest line that is understood. Images and cgroups have names of some
// hundred bytes.
const maxLine = 64 << 10

// maxGroups is how many cgroups of one node are kept: as many pods as it may have, each of four containers.
const maxGroups = 5 * maxPods

// ParseCadvisor reads the counters in a page of /metrics/cadvisor, by cgroup id. Lines
// without a time were measured at now. The page is some megabytes and is read by lines,
// because dozens of them come in at a time.
//
// The page is in Prometheus' text format, and Prometheus' parser would build each of its
// hundred metric families, of which nine are wanted: so this one looks at the name of a
// line before at anything else. A line of a wanted metric that it does not understand is
// an error, because a page in another form is not to be read by halves.
func ParseCadvisor(page io.Reader, now time.Time) (Cgroups, error) {
	groups := Cgroups{}
	lines := bufio.NewScanner(page)
	lines.Buffer(make([]byte, 0, 4<<10), maxLine)
	for number := 1; lines.Scan(); number++ {
		line := lines.Bytes()
		end := bytes.IndexAny(line, "{ \t")
		if end <= 0 {
			continue // Blank, or no metric with a value.
		}
		c, ok := counterOf(line[:end])
		if !ok {
			continue // A comment, or another metric.
		}
		l, err := parseLine(line[end:])
		if err != nil {
			return nil, fmt.Errorf("line %d, %s: %w", number, line[:end], err)
		}
		if l.id == "" || c == cpuSeconds && l.cpu != "" && l.cpu != "total" {
			continue // No cgroup, or one core of it.
		}
		g := groups[l.id]
		if g == nil {
			if len(groups) == maxGroups {
				return nil, fmt.Errorf("%w: more than %d cgroups", bounded.ErrTooLarge, maxGroups)
			}
			g = &cgroup{
				id: l.id, namespace: l.namespace, pod: l.pod, uid: podUID(l.id), container: l.container,
				sandbox: l.container == "POD" || l.container == "" && l.image != "",
			}
			groups[l.id] = g
		}
		at := now
		if l.hasTime {
			at = time.UnixMilli(l.millis)
		}
		g.set(c, l.value, at)
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if !measurePressure(groups) {
		for _, g := range groups {
			g.has &^= pressureMask
		}
	}
	return groups, nil
}

const pressureMask = 1<<cpuWaiting | 1<<cpuStalled | 1<<memoryWaiting | 1<<memoryStalled | 1<<ioWaiting | 1<<ioStalled

// measurePressure is what Summary.measuresPressure is for the summary.
func measurePressure(groups Cgroups) bool {
	for _, g := range groups {
		for c := cpuWaiting; c <= ioStalled; c++ {
			if g.total[c] > 0 {
				return true
			}
		}
	}
	return false
}

// line is what follows a metric's name.
type line struct {
	id, namespace, pod, container, image, cpu string

	value   float64
	millis  int64
	hasTime bool
}

var (
	errLabels = errors.New("malformed labels")
	errValue  = errors.New("malformed value")
	errTime   = errors.New("malformed time")
)

// parseLine reads {labels} value [time].
func parseLine(b []byte) (line, error) {
	var l line
	b = bytes.TrimLeft(b, " \t")
	if len(b) > 0 && b[0] == '{' {
		var err error
		if b, err = l.parseLabels(b[1:]); err != nil {
			return l, err
		}
	}
	fields := bytes.Fields(b)
	if len(fields) != 1 && len(fields) != 2 {
		return l, errValue
	}
	var err error
	if l.value, err = strconv.ParseFloat(string(fields[0]), 64); err != nil {
		return l, errValue
	}
	if len(fields) == 2 {
		if l.millis, err = strconv.ParseInt(string(fields[1]), 10, 64); err != nil {
			return l, errTime
		}
		l.hasTime = true
	}
	return l, nil
}

// parseLabels reads name="value",… up to the closing brace and returns what follows it.
func (l *line) parseLabels(b []byte) ([]byte, error) {
	for {
		b = bytes.TrimLeft(b, " \t,")
		if len(b) == 0 {
			return nil, errLabels
		}
		if b[0] == '}' {
			return b[1:], nil
		}
		name, rest, ok := bytes.Cut(b, []byte{'='})
		rest = bytes.TrimLeft(rest, " \t")
		if !ok || len(rest) == 0 || rest[0] != '"' {
			return nil, errLabels
		}
		value, rest, ok := cutQuoted(rest[1:])
		if !ok {
			return nil, errLabels
		}
		switch string(bytes.TrimRight(name, " \t")) {
		case "id":
			l.id = unescape(value)
		case "namespace":
			l.namespace = unescape(value)
		case "pod":
			l.pod = unescape(value)
		case "container":
			l.container = unescape(value)
		case "image":
			l.image = unescape(value)
		case "cpu":
			l.cpu = unescape(value)
		}
		b = rest
	}
}

// cutQuoted cuts at the first quote that no backslash escapes.
func cutQuoted(b []byte) (value, rest []byte, ok bool) {
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return b[:i], b[i+1:], true
		}
	}
	return nil, nil, false
}

// unescape undoes the escapes of the text format: \\, \" and \n.
func unescape(b []byte) string {
	if bytes.IndexByte(b, '\\') < 0 {
		return string(b)
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' && i+1 < len(b) {
			i++
			if b[i] == 'n' {
				out = append(out, '\n')
				continue
			}
		}
		out = append(out, b[i])
	}
	return string(out)
}
