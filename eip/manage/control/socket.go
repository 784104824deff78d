package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/eipd/eipd/internal/private"
)

// SocketName is the socket's name within the data directory.
const SocketName = "control.sock"

// ErrServed is why a socket cannot be opened: another process serves it.
var ErrServed = errors.New("another process serves it")

// Bounds of the socket.
const (
	mostConnections = 64
	mostReplies     = 256 // that wait for a connection that does not read
	writeTimeout    = 5 * time.Second
)

// ServeSocket takes commands from a Unix socket at path, which only the process'
// own user may use: one JSON command a line, and one JSON reply a line. It returns
// when the socket is open; the Server's Close closes it.
func (s *Server) ServeSocket(path string) error {
	l, err := listenUnix(path)
	if err != nil {
		note := s.listen("socket", path)
		s.set(note, "closed: "+err.Error())
		return fmt.Errorf("open control socket %s: %w", path, err)
	}
	s.set(s.listen("socket", path), "open")
	s.busy.Go(func() {
		<-s.ctx.Done()
		_ = l.Close() // nobody can come any more
		_ = os.Remove(path)
	})
	s.busy.Go(func() { s.accept(l) })
	return nil
}

// listenUnix opens a socket that nobody else can use, not even for a moment: it is
// made in a folder of its own, and then moved to its place.
func listenUnix(path string) (net.Listener, error) {
	dir := filepath.Dir(path)
	if err := private.Check(dir, private.Me()); err != nil {
		return nil, err
	}
	c, err := dialUnix(path)
	var foreign *private.Error
	switch {
	case err == nil:
		_ = c.Close()
		return nil, ErrServed
	case errors.Is(err, errNoSocket), errors.As(err, &foreign):
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	private, err := os.MkdirTemp(dir, ".")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(private)
	at, done, err := short(filepath.Join(private, "s"))
	if err != nil {
		return nil, err
	}
	defer done()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: at, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	made := filepath.Join(private, "s")
	if err = os.Chmod(made, 0o600); err == nil {
		err = os.Rename(made, path)
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// short returns another name of a socket whose own is longer than the system
// takes.
func short(path string) (at string, done func(), err error) {
	const most = 100 // of 108 on Linux, and 104 elsewhere
	if len(path) <= most || runtime.GOOS != "linux" {
		return path, func() {}, nil
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path)), func() { _ = dir.Close() }, nil
}

var errNoSocket = errors.New("there is a file of that name, which is no socket")

// dialUnix connects to a socket that is this user's and that nobody else can have
// put there. Root may also ask a socket of the user who owns its folder.
func dialUnix(path string) (net.Conn, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode()&os.ModeSocket == 0 {
		return nil, errNoSocket
	}
	dir, owner := filepath.Dir(path), private.Me()
	if owner == 0 {
		folder, err := os.Stat(dir)
		if err != nil {
			return nil, err
		}
		owner = private.Owner(folder)
	}
	uid := private.Owner(info)
	if uid != owner && uid != private.Me() {
		return nil, &private.Error{Path: path, Why: fmt.Sprintf("belongs to user %d, not to user %d", uid, owner), Do: "ask as the user who runs the process, or remove the socket if nobody should"}
	}
	if err := private.Check(dir, uid); err != nil {
		return nil, err
	}
	at, done, err := short(path)
	if err != nil {
		return nil, err
	}
	defer done()
	c, err := net.Dial("unix", at)
	if err != nil {
		return nil, err
	}
	if peer := peerOf(c.(*net.UnixConn), uid); peer != uid {
		return nil, errors.Join(&private.Error{Path: path, Why: fmt.Sprintf("is served by user %d, not by user %d", peer, uid), Do: "start the process again, or name its socket by --socket"}, c.Close())
	}
	return c, nil
}

func (s *Server) accept(l net.Listener) {
	room := make(chan struct{}, mostConnections)
	for {
		c, err := l.Accept()
		if err != nil {
			if s.ctx.Err() == nil {
				s.Log.Error("control socket is closed", slog.Any("error", err))
			}
			return
		}
		select {
		case room <- struct{}{}:
		default:
			_ = c.Close() // there are too many
			continue
		}
		s.busy.Go(func() {
			defer func() { <-room }()
			s.serve(c)
		})
	}
}

// serve carries out the commands of one connection.
func (s *Server) serve(c net.Conn) {
	w := &connection{conn: c, replies: make(chan Reply, mostReplies), gone: make(chan struct{})}
	hangUp := context.AfterFunc(s.ctx, w.end)
	defer hangUp()
	s.busy.Go(w.write)
	in, from := bufio.NewReaderSize(c, 64<<10), Origin{On: "socket", User: userOf(c)}
	for {
		line, err := readLine(in, MaxCommand)
		if len(line) > 0 {
			w.unanswered.Add(1)
			if !s.handle(line, &request{from: from, send: w.respond, ctx: s.ctx}) {
				w.unanswered.Done()
			}
			w.unanswered.Wait() // one after the other, as they were written
		}
		if err != nil {
			break
		}
	}
	close(w.replies) // who has closed only the sending side, like a shell's pipe, gets them all
}

// userOf is the name of the user at the other end of a connection, or his number; ""
// where the system does not say.
func userOf(c net.Conn) string {
	unix, ok := c.(*net.UnixConn)
	if !ok {
		return ""
	}
	uid := peerOf(unix, -1)
	if uid < 0 {
		return ""
	}
	number := strconv.Itoa(uid)
	if u, err := user.LookupId(number); err == nil {
		return u.Username
	}
	return number
}

// connection is who asks by the socket.
type connection struct {
	conn       net.Conn
	replies    chan Reply
	gone       chan struct{} // closed when nobody reads
	once       sync.Once
	unanswered sync.WaitGroup
}

// respond returns false where nobody reads replies any more.
func (w *connection) respond(r Reply) bool {
	if !r.More {
		defer w.unanswered.Done()
	}
	select {
	case w.replies <- r:
		return true
	case <-w.gone:
		return false
	}
}

func (w *connection) end() {
	w.once.Do(func() {
		close(w.gone)
		_ = w.conn.Close() // all that could be said is said
	})
}

// write sends the replies. One that is not read in time ends the connection.
func (w *connection) write() {
	defer w.end()
	out := bufio.NewWriter(w.conn)
	encode := json.NewEncoder(out)
	for {
		select {
		case r, more := <-w.replies:
			if !more {
				return
			}
			_ = w.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
			if encode.Encode(r) != nil || len(w.replies) == 0 && out.Flush() != nil {
				return
			}
		case <-w.gone:
			return
		}
	}
}

// readLine reads a line of at most so many bytes; of a longer one, one byte more than
// that, so that it is refused.
func readLine(in *bufio.Reader, most int) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		if keep := most + 1 - len(line); keep > 0 {
			line = append(line, part[:min(len(part), keep)]...)
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		for len(line) > 0 && (line[len(line)-1] == '\n' || line[len(line)-1] == '\r') {
			line = line[:len(line)-1]
		}
		return line, err
	}
}
