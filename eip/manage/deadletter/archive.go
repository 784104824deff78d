package deadletter

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/internal/wire"
)

// Bounds of an Archive, where nothing else is said.
const (
	ArchiveAge   = 14 * 24 * time.Hour
	ArchiveBytes = 1 << 30

	archiveWait = 10 * time.Second // for others that use the file
)

// An Archive is a file of dead letters that were taken from their queue to be discarded
// or edited. What is older than ArchiveAge goes, and what makes it larger than
// ArchiveBytes, the oldest first. The file is open only while it is used. The methods are
// safe for concurrent use.
type Archive struct {
	Path  string
	Clock eip.Clock
	Bytes int64 // 0: ArchiveBytes

	mu sync.Mutex
}

// Archived is a letter in an Archive.
type Archived struct {
	ID       string    `json:"id"`
	Flow     string    `json:"flow"` // in whose dead-letter queue it was
	Invalid  bool      `json:"invalid,omitempty"`
	Queue    string    `json:"queue"`
	How      string    `json:"how"` // Discarded or Edited
	Reason   string    `json:"reason,omitempty"`
	By       string    `json:"by"`
	Time     time.Time `json:"time"`
	Size     int       `json:"size"`
	Outcome  string    `json:"outcome,omitempty"` // of an edit: see Edited
	Restored time.Time `json:"restored,omitzero"`
	// Message is the letter as it was; nil in a list.
	Message *eip.Message `json:"-"`
}

// Why a letter is in an Archive.
const (
	Discarded = "discarded"
	Edited    = "edited"
)

var (
	lettersBucket = []byte("letters") // by their time and id
	idsBucket     = []byte("ids")     // the keys of letters
	sizeBucket    = []byte("size")
)

// Put writes letters, all or none, and has them on disk. One that was there takes the
// place of the older one.
func (a *Archive) Put(all []Archived) error {
	return a.use(func(tx archiveTx) error {
		for _, l := range all {
			l.Time, l.Size = a.Clock.Now().UTC(), len(l.Message.Body())
			if err := tx.put(l); err != nil {
				return fmt.Errorf("archive letter %s: %w", l.ID, err)
			}
		}
		size := int64(0)
		for _, l := range all {
			size += l.Message.Size()
		}
		if size > a.most()/2 {
			return fmt.Errorf("%d letters have %d bytes, more than the archive keeps", len(all), size)
		}
		return nil
	})
}

// Note changes what is said of a letter.
func (a *Archive) Note(id string, change func(*Archived)) error {
	return a.use(func(tx archiveTx) error {
		l, err := tx.get(id)
		if err != nil {
			return err
		}
		change(&l)
		return tx.put(l)
	})
}

// Get returns the letter of an id, or of its beginning.
func (a *Archive) Get(given string) (l Archived, err error) {
	if a.empty() {
		return l, fmt.Errorf("letter %.40s: %w", given, ErrNotArchived)
	}
	err = a.use(func(tx archiveTx) (err error) {
		l, err = tx.get(given)
		return err
	})
	return l, err
}

// ErrNotArchived is why there is no letter.
var ErrNotArchived = errors.New("it is not in the archive")

// List returns the latest letters, at most so many, and how many there are.
func (a *Archive) List(most int) (latest []Archived, all int, err error) {
	if a.empty() {
		return nil, 0, nil
	}
	err = a.use(func(tx archiveTx) error {
		all = tx.ids().Stats().KeyN
		c := tx.letters().Cursor()
		for k, v := c.Last(); k != nil && len(latest) < most; k, v = c.Prev() {
			l, _, err := aboutArchived(v)
			if err != nil {
				return err
			}
			latest = append(latest, l)
		}
		return nil
	})
	return latest, all, err
}

// empty reports whether there is no file yet.
func (a *Archive) empty() bool {
	_, err := os.Stat(a.Path)
	return errors.Is(err, fs.ErrNotExist)
}

func (a *Archive) most() int64 { return cmp.Or(a.Bytes, ArchiveBytes) }

// use opens the file, and keeps what do has written where it gives no error.
func (a *Archive) use(do func(archiveTx) error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	db, err := bbolt.Open(a.Path, 0o600, &bbolt.Options{Timeout: archiveWait})
	if err != nil {
		return fmt.Errorf("open the archive: %w", err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{lettersBucket, idsBucket, sizeBucket} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		t := archiveTx{tx}
		if err := do(t); err != nil {
			return err
		}
		return t.prune(a.Clock.Now().Add(-ArchiveAge), a.most())
	})
	return errors.Join(err, db.Close())
}

type archiveTx struct{ *bbolt.Tx }

func (tx archiveTx) letters() *bbolt.Bucket { return tx.Bucket(lettersBucket) }
func (tx archiveTx) ids() *bbolt.Bucket     { return tx.Bucket(idsBucket) }

func (tx archiveTx) size() int64 {
	if b := tx.Bucket(sizeBucket).Get(sizeBucket); len(b) == 8 {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

func (tx archiveTx) grow(by int64) error {
	return tx.Bucket(sizeBucket).Put(sizeBucket, binary.BigEndian.AppendUint64(nil, uint64(tx.size()+by)))
}

// put writes a letter: what is said of it, and it.
func (tx archiveTx) put(l Archived) error {
	if old := tx.ids().Get([]byte(l.ID)); old != nil {
		if err := tx.drop(old); err != nil {
			return err
		}
	}
	about, err := json.Marshal(l)
	if err != nil {
		return err
	}
	value := append(binary.BigEndian.AppendUint32(nil, uint32(len(about))), about...)
	if value, err = wire.Encode(value, l.Message, 0); err != nil {
		return err
	}
	key := append(binary.BigEndian.AppendUint64(nil, uint64(l.Time.UnixNano())), l.ID...)
	if err := errors.Join(tx.letters().Put(key, value), tx.ids().Put([]byte(l.ID), key)); err != nil {
		return err
	}
	return tx.grow(int64(len(key) + len(value)))
}

// drop forgets the letter at a key.
func (tx archiveTx) drop(key []byte) error {
	key = append([]byte(nil), key...) // it is of the page that changes
	size := len(key) + len(tx.letters().Get(key))
	if err := errors.Join(tx.letters().Delete(key), tx.ids().Delete(key[8:])); err != nil {
		return err
	}
	return tx.grow(-int64(size))
}

// prune drops what is too old, and the oldest as long as there is too much.
func (tx archiveTx) prune(before time.Time, most int64) error {
	for {
		key, _ := tx.letters().Cursor().First()
		if key == nil || tx.size() <= most && int64(binary.BigEndian.Uint64(key)) >= before.UnixNano() {
			return nil
		}
		if err := tx.drop(key); err != nil {
			return err
		}
	}
}

func (tx archiveTx) get(given string) (l Archived, err error) {
	var found []string
	c := tx.ids().Cursor()
	for id, _ := c.Seek([]byte(given)); id != nil && strings.HasPrefix(string(id), given) && len(found) < 3; id, _ = c.Next() {
		if string(id) == given {
			found = []string{given}
			break
		}
		if len(given) >= MinDigits {
			found = append(found, string(id))
		}
	}
	switch len(found) {
	case 0:
		return l, fmt.Errorf("letter %.40s: %w", given, ErrNotArchived)
	case 1:
	default:
		return l, fmt.Errorf("the archived letters %s all have ids that begin with %s; give more of it", strings.Join(found, ", "), given)
	}
	l, encoded, err := aboutArchived(tx.letters().Get(tx.ids().Get([]byte(found[0]))))
	if err == nil {
		l.Message, _, err = wire.Decode(encoded, nil)
	}
	return l, err
}

var errArchive = errors.New("the archive is damaged")

func aboutArchived(value []byte) (l Archived, encoded []byte, err error) {
	if len(value) < 4 || len(value)-4 < int(binary.BigEndian.Uint32(value)) {
		return l, nil, errArchive
	}
	n := 4 + int(binary.BigEndian.Uint32(value))
	if json.Unmarshal(value[4:n], &l) != nil {
		return l, nil, errArchive
	}
	return l, value[n:], nil
}
