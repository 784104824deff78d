package endpoint

import (
	"bufio"
	"errors"
	"log/slog"
	"time"
)

// read hands on the lines that the program prints.
func (w *worker) read() {
	defer close(w.lines)
	r := bufio.NewReaderSize(w.Stdout, 64<<10)
	for {
		line, err := readLine(r, int(w.of.MaxOutput))
		if err != nil {
			w.last = err
			return
		}
		w.lines <- line
	}
}

var errLongLine = errors.New("its line is longer than max_output")

// readLine reads a line with its end. What is left at the end of all is none.
func readLine(r *bufio.Reader, most int) (line []byte, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > most {
			return nil, errLongLine
		}
		line = append(line, part...)
		if err != bufio.ErrBufferFull {
			return line, err
		}
	}
}

// mostHeard is how many lines a second of a worker's standard error are logged.
const mostHeard = 100

// hear logs what a worker prints on standard error.
func (w *worker) hear() func(line string) {
	var second time.Time
	lines := 0
	return func(line string) {
		if now := w.of.clock.Now(); now.Sub(second) >= time.Second {
			if lines > mostHeard {
				w.log.Warn("a worker says more than is logged", slog.Int("lines", lines-mostHeard))
			}
			second, lines = now, 0
		}
		if lines++; lines <= mostHeard {
			w.log.Info("worker says", slog.String("line", line))
		}
	}
}
