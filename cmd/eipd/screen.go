package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// screen is a terminal that a command has for itself.
type screen struct {
	in, out *os.File
	before  *term.State
}

const (
	otherScreen = "\x1b[?1049h\x1b[?25l" // and no cursor
	ownScreen   = "\x1b[?25h\x1b[?1049l"
)

// openScreen takes the terminal: keys come one by one, and what was seen on it is
// there again after close.
func openScreen(in, out *os.File) (*screen, error) {
	before, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return nil, fmt.Errorf("take the terminal: %w", err)
	}
	s := &screen{in, out, before}
	if _, err := out.WriteString(otherScreen); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *screen) close() error {
	_, err := s.out.WriteString(ownScreen)
	if e := term.Restore(int(s.in.Fd()), s.before); e != nil {
		err = errors.Join(err, fmt.Errorf("give the terminal back: %w", e))
	}
	return err
}

// size asks the terminal; one that does not know has what terminals had once.
func (s *screen) size() (width, height int) {
	width, height, err := term.GetSize(int(s.out.Fd()))
	if err != nil || width < 1 || height < 1 {
		return 80, 24
	}
	return width, height
}

// key is a key: a letter as it is, or one of those below.
type key rune

const (
	keyOther key = -iota - 1
	keyUp
	keyDown
	keyPageUp
	keyPageDown
	keyHome
	keyEnd
	keyEnter
	keyBack
	keyErase
	keyQuit
)

// keyOf are what terminals send for keys that are no letters.
var keyOf = map[string]key{
	"\x1b[A": keyUp, "\x1bOA": keyUp,
	"\x1b[B": keyDown, "\x1bOB": keyDown,
	"\x1b[5~": keyPageUp, "\x1b[6~": keyPageDown,
	"\x1b[H": keyHome, "\x1bOH": keyHome, "\x1b[1~": keyHome,
	"\x1b[F": keyEnd, "\x1bOF": keyEnd, "\x1b[4~": keyEnd,
	"\r": keyEnter, "\n": keyEnter, "\x1b": keyBack, "\x1b[D": keyBack, "\x1bOD": keyBack,
	"\x7f": keyErase, "\b": keyErase, "\x03": keyQuit, "\x04": keyQuit,
}

// readKeys reads keys until there are no more. Who waits for one in a read cannot be
// stopped; it ends with the process.
func readKeys(in io.Reader) <-chan key {
	keys := make(chan key)
	go func() {
		defer close(keys)
		buf := make([]byte, 64)
		for {
			n, err := in.Read(buf)
			for rest := string(buf[:n]); rest != ""; {
				var one string
				one, rest = cutKey(rest)
				keys <- named(one)
			}
			if err != nil {
				return
			}
		}
	}()
	return keys
}

// named is the key that a terminal sends so.
func named(one string) key {
	if k, ok := keyOf[one]; ok {
		return k
	}
	if r, size := utf8.DecodeRuneInString(one); size == len(one) && unicode.IsPrint(r) && r != utf8.RuneError {
		return key(r)
	}
	return keyOther
}

// cutKey takes the first key of what was read: a letter, or an escape sequence.
func cutKey(text string) (one, rest string) {
	if len(text) < 3 || text[0] != '\x1b' || text[1] != '[' && text[1] != 'O' {
		_, size := utf8.DecodeRuneInString(text)
		return text[:size], text[size:]
	}
	for i := 2; i < len(text); i++ {
		if text[i] >= 0x40 && text[i] <= 0x7e {
			return text[:i+1], text[i+1:]
		}
	}
	return text, ""
}
