// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package policy

import "slices"

// The plugins of today that a policy can have a say about.
const (
	affinity        = "Affinity"
	taints          = "Taints"
	resourceFit     = "ResourceFit"
	nodeAffinity    = "NodeAffinity"
	nodeFit         = "NodeResourcesFit"
	balanced        = "NodeResourcesBalancedAllocation"
	interPod        = "InterPodAffinity"
	topologySpread  = "PodTopologySpread"
	imageLocality   = "ImageLocality"
	nodeName        = "NodeName"
	nodePorts       = "NodePorts"
	unschedulable   = "NodeUnschedulable"
	volumeBinding   = "VolumeBinding"
	volumeLimits    = "NodeVolumeLimits"
	volumeZone      = "VolumeZone"
	volumeConflicts = "VolumeRestrictions"
)

// byUpstream are what a profile has unless it is disabled.
var byUpstream = []string{
	nodeName, unschedulable, nodePorts, volumeConflicts, volumeLimits, volumeBinding, volumeZone,
	topologySpread, interPod, imageLocality, nodeAffinity, nodeFit, balanced,
}

// ours, in the order of the shipped profile.
var ours = []string{taints, affinity, resourceFit}

// meaning of a predicate's or priority's name today.
type meaning struct {
	// plugins that do it today; none where nothing does, or has to.
	plugins []string
	// notice tells the user what differs; may be empty.
	notice string
	// missing: it had a say in where pods went, on any nodes, and nothing of it is left.
	missing bool
}

const onTaints = "the node controller makes taints of node conditions, which Taints judges"

// knownPredicates are every version's from 1.10 on.
var knownPredicates = map[string]*meaning{
	"GeneralPredicates":      {plugins: []string{resourceFit, nodeName, nodePorts, affinity}},
	"PodFitsResources":       {plugins: []string{resourceFit}},
	"HostName":               {plugins: []string{nodeName}},
	"PodFitsHostPorts":       {plugins: []string{nodePorts}},
	"PodFitsPorts":           {plugins: []string{nodePorts}},
	"MatchNodeSelector":      {plugins: []string{affinity}},
	"PodToleratesNodeTaints": {plugins: []string{taints}},
	"CheckNodeUnschedulable": {plugins: []string{unschedulable}},
	"NoDiskConflict":         {plugins: []string{volumeConflicts}},
	"NoVolumeZoneConflict":   {plugins: []string{volumeZone}},
	"CheckVolumeBinding":     {plugins: []string{volumeBinding}},
	"MaxCSIVolumeCountPred":  {plugins: []string{volumeLimits}},
	"MaxEBSVolumeCount":      {plugins: []string{volumeLimits}, notice: "the volumes of this provider are CSI's now, and counted as those"},
	"MaxGCEPDVolumeCount":    {plugins: []string{volumeLimits}, notice: "the volumes of this provider are CSI's now, and counted as those"},
	"MaxAzureDiskVolumeCount": {plugins: []string{volumeLimits},
		notice: "the volumes of this provider are CSI's now, and counted as those"},
	"MaxCinderVolumeCount":  {plugins: []string{volumeLimits}, notice: "the volumes of this provider are CSI's now, and counted as those"},
	"EvenPodsSpread":        {plugins: []string{topologySpread}},
	"MatchInterPodAffinity": {plugins: []string{interPod}},

	// Gone before 1.22.
	"NoVolumeNodeConflict":            {plugins: []string{volumeBinding}, notice: "VolumeBinding looks at the node affinity of volumes"},
	"PodToleratesNodeNoExecuteTaints": {plugins: []string{taints}, notice: "Taints judges NoSchedule taints too"},
	"CheckNodeCondition":              {notice: onTaints},
	"CheckNodeMemoryPressure":         {notice: onTaints},
	"CheckNodeDiskPressure":           {notice: onTaints},
	"CheckNodePIDPressure":            {notice: onTaints},
}

// mandatoryPredicates ran whatever a policy said.
var mandatoryPredicates = []string{"PodToleratesNodeTaints", "CheckNodeUnschedulable"}

// defaultPredicates ran where a policy had no predicates, not even an empty list.
var defaultPredicates = []string{
	"NoVolumeZoneConflict", "MaxCSIVolumeCountPred", "MatchInterPodAffinity", "NoDiskConflict", "GeneralPredicates",
	"PodToleratesNodeTaints", "CheckVolumeBinding", "CheckNodeUnschedulable", "EvenPodsSpread",
}

// The priorities that one score of a plugin of ours stands for.
const (
	leastRequested = "LeastRequestedPriority"
	mostRequested  = "MostRequestedPriority"
	nodePreference = "NodeAffinityPriority"
	selectorSpread = "SelectorSpreadPriority"
	evenSpread     = "EvenPodsSpreadPriority"
)

// knownPriorities are every version's from 1.10 on.
var knownPriorities = map[string]*meaning{
	leastRequested:               {plugins: []string{resourceFit}},
	mostRequested:                {plugins: []string{resourceFit}},
	"BalancedResourceAllocation": {plugins: []string{balanced}, notice: balancedNotice},
	nodePreference:               {plugins: []string{affinity}},
	"TaintTolerationPriority":    {plugins: []string{taints}},
	"InterPodAffinityPriority":   {plugins: []string{interPod}},
	"ImageLocalityPriority":      {plugins: []string{imageLocality}},
	evenSpread:                   {plugins: []string{topologySpread}},
	selectorSpread:               {plugins: []string{topologySpread}, notice: selectorNotice},
	"ServiceSpreadingPriority":   {plugins: []string{topologySpread}, notice: selectorNotice},
	"EqualPriority":              {notice: "left out: a score that is equal for all nodes decides nothing"},
	"NodePreferAvoidPodsPriority": {
		notice: "no equivalent: nothing reads the annotation scheduler.alpha.kubernetes.io/preferAvoidPods any more; taint such nodes PreferNoSchedule"},
	"ResourceLimitsPriority": {missing: true,
		notice: "no equivalent (it was alpha, and preferred nodes that could hold a pod's limits); ResourceFit's limitsGuard bounds the sum of limits"},
}

const (
	balancedNotice = "scores by how much the pod betters the balance of a node, on a quarter of the old scale, since upstream changed its formula"
	selectorNotice = "PodTopologySpread's system defaults spread the pods of a Service, ReplicaSet or StatefulSet, as from 1.20 on"
)

// defaultPriorities scored where a policy had no priorities, not even an empty list. (The
// default weight 10000 of NodePreferAvoidPodsPriority left nothing behind.)
var defaultPriorities = []priority{
	{Name: selectorSpread, Weight: 1},
	{Name: "InterPodAffinityPriority", Weight: 1},
	{Name: leastRequested, Weight: 1},
	{Name: "BalancedResourceAllocation", Weight: 1},
	{Name: nodePreference, Weight: 1},
	{Name: "TaintTolerationPriority", Weight: 1},
	{Name: "ImageLocalityPriority", Weight: 1},
	{Name: evenSpread, Weight: 2},
}

func isOurs(plugin string) bool { return slices.Contains(ours, plugin) }
