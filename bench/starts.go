package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
)

// A start is what one start of eipd with the quick start's files took.
type start struct {
	ready time.Duration // from the start of the process to its line "ready"
	cpu   time.Duration // all that it used to come to rest
	rss   int64         // in bytes, at rest
}

// starts builds eipd, and measures how large it is, how it starts and what it
// needs at rest.
func starts(w io.Writer, rounds int) error {
	dir, err := os.MkdirTemp("", "eipd-bench-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(dir)
	bin := filepath.Join(dir, "eipd")
	var size [2]int64
	for i, ldflags := range []string{"-s -w", ""} {
		if err := buildEipd(bin, ldflags); err != nil {
			return err
		}
		info, err := os.Stat(bin)
		if err != nil {
			return fmt.Errorf("look at eipd: %w", err)
		}
		size[i] = info.Size()
	}
	fmt.Fprintf(w, "\neipd with the quick start's files. The binary has %.1f MiB, stripped %.1f MiB.\n", mib(size[1]), mib(size[0]))
	fmt.Fprintf(w, "Medians of %d starts; in brackets least and most.\n\n", rounds)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "start\tready ms\tCPU ms to rest\tRSS at rest, MiB")
	work := filepath.Join(dir, "work")
	for _, again := range []bool{false, true} {
		var all []start
		for range rounds {
			if !again {
				if err := os.RemoveAll(work); err != nil {
					return fmt.Errorf("clear the folder: %w", err)
				}
			}
			if err := os.CopyFS(filepath.Join(work, "flows"), os.DirFS("../flows")); err != nil && !errors.Is(err, fs.ErrExist) {
				return fmt.Errorf("copy the flows: %w", err)
			}
			s, err := startOnce(bin, work)
			if err != nil {
				return err
			}
			all = append(all, s)
		}
		name := "first, with the sample pictures"
		if again {
			name = "again, with nothing to do"
		}
		row(table, name, all)
	}
	return table.Flush()
}

func buildEipd(bin, ldflags string) error {
	build := exec.Command("go", "build", "-trimpath", "-ldflags", ldflags, "-o", bin, "./cmd/eipd")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build eipd: %w\n%s", err, out)
	}
	return nil
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }

func row(w io.Writer, name string, all []start) {
	figures := func(what func(start) float64) string { return spread(column(all, what), "%.1f") }
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", name,
		figures(func(s start) float64 { return float64(s.ready) / 1e6 }), figures(func(s start) float64 { return float64(s.cpu) / 1e6 }),
		figures(func(s start) float64 { return mib(s.rss) }))
}

// startOnce starts eipd in a folder, waits until it rests, and stops it.
func startOnce(bin, work string) (s start, err error) {
	c := exec.Command(bin, "run", "flows")
	c.Dir = work
	c.Env = append(os.Environ(), "EIPD_VAR_listen=127.0.0.1:0", "EIPD_BROKER=")
	stderr, err := c.StderrPipe()
	if err != nil {
		return s, fmt.Errorf("make a pipe: %w", err)
	}
	begin := time.Now()
	if err := c.Start(); err != nil {
		return s, fmt.Errorf("start eipd: %w", err)
	}
	var log strings.Builder
	lines := bufio.NewScanner(stderr)
	for s.ready == 0 && lines.Scan() {
		fmt.Fprintln(&log, lines.Text())
		if strings.Contains(lines.Text(), "msg=ready") {
			s.ready = time.Since(begin)
		}
	}
	rest := background(func() error { _, err := io.Copy(&log, stderr); return err })
	if s.ready > 0 {
		s.cpu, s.rss = atRest(c.Process.Pid)
		err = c.Process.Signal(syscall.SIGTERM)
	}
	err = errors.Join(err, rest(), c.Wait())
	if err != nil || s.ready == 0 {
		return s, fmt.Errorf("run eipd: %w\n%s", err, log.String())
	}
	return s, nil
}

// atRest waits until the process has used no processor for three seconds, and
// returns what it has used, and the memory that it has.
func atRest(pid int) (cpu time.Duration, rss int64) {
	cpu = processTime(pid)
	for before := cpu - 1; before != cpu; cpu = processTime(pid) {
		before = cpu
		time.Sleep(3 * time.Second)
	}
	return cpu, memory(pid, "VmRSS")
}
