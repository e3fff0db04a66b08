// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package process

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// role makes the test binary the kind of process a test wants to deal with.
const role = "PROCESS_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case "":
		os.Exit(m.Run())
	case "obedient":
		fmt.Println("ready")
		select {}
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("ready")
		select {}
	case "short":
		fmt.Println("ready")
		os.Exit(3)
	}
}

// start returns a process that has begun to play its role.
func start(t *testing.T, kind string, env ...string) *Started {
	t.Helper()
	log := filepath.Join(t.TempDir(), "log")
	if err := syscall.Mkfifo(log, 0o600); err != nil {
		t.Fatal(err)
	}
	// Opened for both, so that neither end waits for the other.
	reader, err := os.OpenFile(log, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { reader.Close() })
	s, err := Start(Spec{
		Command: []string{os.Args[0]},
		Dir:     t.TempDir(),
		Env:     append(env, role+"="+kind),
		LogFile: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := Stop(s.Identity, time.Second); err != nil {
			t.Error(err)
		}
		<-s.Exited()
	})
	if line, err := bufio.NewReader(reader).ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("the process said %q, %v", line, err)
	}
	return s
}

func TestStopAsksFirst(t *testing.T) {
	s := start(t, "obedient")
	killed, err := Stop(s.Identity, 10*time.Second)
	if err != nil || killed {
		t.Errorf("killed %v, %v", killed, err)
	}
	<-s.Exited()
	if s.Running() {
		t.Error("it still runs")
	}
}

func TestStopKillsWhoDoesNotListen(t *testing.T) {
	s := start(t, "stubborn")
	killed, err := Stop(s.Identity, 200*time.Millisecond)
	if err != nil || !killed {
		t.Errorf("killed %v, %v", killed, err)
	}
	<-s.Exited()
}

// The number of a dead component may belong to somebody else by now.
func TestARecycledNumberIsLeftAlone(t *testing.T) {
	stranger := start(t, "obedient")
	recorded := Identity{PID: stranger.PID, StartTime: stranger.StartTime - 1}
	if recorded.Running() {
		t.Error("the stranger passes for the recorded process")
	}
	killed, err := Stop(recorded, time.Second)
	if err != nil || killed {
		t.Errorf("killed %v, %v", killed, err)
	}
	if !stranger.Running() {
		t.Error("the stranger is dead")
	}
}

func TestStoppingNobodyIsNoError(t *testing.T) {
	s := start(t, "short")
	<-s.Exited()
	for _, id := range []Identity{{}, s.Identity, {PID: 1 << 30, StartTime: 1}} {
		if killed, err := Stop(id, time.Second); killed || err != nil {
			t.Errorf("%v: killed %v, %v", id, killed, err)
		}
	}
}

func TestExitedTellsHow(t *testing.T) {
	s := start(t, "short")
	<-s.Exited()
	if err := s.Err(); err == nil || err.Error() != "exit status 3" {
		t.Errorf("got %v", err)
	}
}

// A parent that does not look leaves its dead child in the process table.
func TestAZombieDoesNotRun(t *testing.T) {
	child, err := os.StartProcess(os.Args[0], []string{os.Args[0]}, &os.ProcAttr{Env: []string{role + "=obedient"}})
	if err != nil {
		t.Fatal(err)
	}
	id, err := Of(child.Pid)
	if err != nil {
		t.Fatal(err)
	}
	// Stop waits for the end, not for the parent.
	if _, err := Stop(id, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	if id.Running() {
		t.Error("the zombie runs")
	}
	if _, err := child.Wait(); err != nil {
		t.Fatal(err)
	}
}

func TestStartedProcessesHaveASessionOfTheirOwn(t *testing.T) {
	s := start(t, "obedient")
	sid, err := unix.Getsid(s.PID)
	if err != nil {
		t.Fatal(err)
	}
	if sid != s.PID {
		t.Errorf("session is %d, process is %d", sid, s.PID)
	}
}

func TestWithEnvFindsWhatNobodyRecorded(t *testing.T) {
	dir := t.TempDir()
	s := start(t, "obedient", "PROCESS_TEST_DIR="+dir)
	start(t, "obedient", "PROCESS_TEST_DIR="+dir+"-other")
	found, err := WithEnv("PROCESS_TEST_DIR", dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 || found[0] != s.Identity {
		t.Errorf("found %v, want %v", found, s.Identity)
	}
}

func TestLogsAreAddedTo(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	for range 2 {
		s, err := Start(Spec{Command: []string{os.Args[0]}, Dir: t.TempDir(), Env: []string{role + "=short"}, LogFile: log})
		if err != nil {
			t.Fatal(err)
		}
		<-s.Exited()
	}
	if tail, err := Tail(log, 20); err != nil || tail != "ready\nready" {
		t.Errorf("got %q, %v", tail, err)
	}
}

func TestTailIsTheEnd(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	long := strings.Repeat("x", tailBytes)
	if err := os.WriteFile(log, []byte(long+"\none\ntwo\nthree\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if tail, err := Tail(log, 2); err != nil || tail != "two\nthree" {
		t.Errorf("got %q, %v", tail, err)
	}
	if _, err := Tail(log+"x", 2); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestPortsAreFreeAndDifferent(t *testing.T) {
	ports, err := FreePorts(20)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for _, port := range ports {
		if seen[port] {
			t.Errorf("%d twice", port)
		}
		seen[port] = true
	}
}

func TestATakenPortIsNamed(t *testing.T) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	err = CheckPort(port)
	if !errors.Is(err, ErrPortTaken) || !strings.Contains(err.Error(), fmt.Sprint(port)) {
		t.Errorf("got %v", err)
	}
	listener.Close()
	if err := CheckPort(port); err != nil {
		t.Errorf("after the listener is closed: %v", err)
	}
}
