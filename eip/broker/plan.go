package broker

// An Item is what a flow asks of a broker: a channel, or one subscription to a
// topic.
type Item struct {
	Channel      Channel
	Subscription *Subscription // nil: the channel itself
	// What flows do with it.
	Read, Written bool
}

// State says what a broker has of an Item.
type State string

// What there may be of an item.
const (
	Fits      State = "fits"      // it exists, as the item says
	Create    State = "create"    // it does not exist, and would be created
	Conflict  State = "conflict"  // it exists, and differs
	Missing   State = "missing"   // it does not exist, and would not be created
	Temporary State = "temporary" // it does not exist: it comes and goes with processes
	Refused   State = "refused"   // this user, or nobody, may have it
	Down      State = "down"      // it exists, and the node that holds it is away
	Inside    State = "inside"    // the broker is in the process, and follows the flow files
	Unknown   State = "unknown"   // the broker could not be asked
)

// A Finding is what a broker has of an Item.
type Finding struct {
	State       State
	Differences []Difference // of a conflict, as far as the broker tells
	Note        string       // what else is to be known
	QueueType   string       // of a queue that lasts, as far as it is known
	Warnings    []string     // what will go wrong, though nothing keeps the flow from running
}

// A Difference is one argument on which the flow file and the broker disagree.
type Difference struct {
	Argument string `json:"argument"` // by the broker's own name
	Wanted   string `json:"wanted"`   // "none" where there is none
	Found    string `json:"found"`
}
