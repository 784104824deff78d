package main

// contestants are all ways, in the order in which they are measured and shown.
var contestants = []contestant{
	{name: "eipd_flow_file", start: startFlow},
	{name: "eipd_go", start: startGo},
	{name: "by_hand", start: startHand(false)},
	{name: "by_hand_validating", start: startHand(true)},
	{name: "benthos_batch_1", start: startBenthos(1)},
	{name: "benthos_batch_100", start: startBenthos(100)},
	{name: "watermill", start: startWatermill},
}
