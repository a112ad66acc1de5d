//! Review a token contract in Solidity.

use crate::prelude::*;

pub fn task() -> Task {
    Task::findings(Family::Security, "review_token_contract", "Review of a token contract", LISTING)
}

const LISTING: FileListing = FileListing {
    about: "a contract for an old Solidity compiler, in which arithmetic wraps silently; `owner` may do \
            what functions with the modifier onlyOwner do, everybody may call all others",
    kinds: &[
        (
            190,
            "a difference or product of uint256 can wrap, and nothing before it rules that out (no sum \
             of balances exceeds the supply, which is small)",
        ),
        (252, "the result of send or call is thrown away"),
        (284, "a function that takes the money or changes the owner can be called by everybody"),
        (338, "a winner or a secret is drawn from block.timestamp, block.number or blockhash"),
        (670, "a loop pays a list of accounts by transfer, so that one that refuses stops all"),
        (829, "code at an address that the caller chose is run by delegatecall"),
        (841, "somebody is paid or called before the balance that allows it is lowered"),
    ],
    opening: r#"
pragma solidity ^0.7.0;

contract Token {
    address public owner = msg.sender;
    mapping(address => uint256) public balances;
    address[] public holders;
    uint256 public supply;

    event Paid(address indexed who, uint256 amount);

    modifier onlyOwner() {
        require(msg.sender == owner, "owner only");
        _;
    }
"#,
    fillers: &[
        "    uint8 public constant decimals = 18;",
        r"
    function balanceOf(address who) external view returns (uint256) {
        return balances[who];
    }
",
        "    // The functions below move tokens.",
        r"
    function count() external view returns (uint256) {
        return holders.length;
    }
",
        "    receive() external payable {}",
        "    string public constant name = \"Token\";",
    ],
    parts: &[
        ListingPart {
            cwe: 841,
            weak: &[
                r#"
    function $aOut(uint256 $b) external {
        uint256 held = balances[msg.sender];
        require(held >= $b);
!       (bool ok, ) = msg.sender.call{value: $b}("");
        require(ok);
        balances[msg.sender] = held - $b;
    }
"#,
                r#"
    function $aAll() external {
        uint256 $b = balances[msg.sender];
!       (bool ok, ) = msg.sender.call{value: $b}("");
        require(ok, "refused");
        balances[msg.sender] = 0;
    }
"#,
            ],
            sound: &[
                r#"
    function $aOut(uint256 $b) external {
        require(balances[msg.sender] >= $b);
        balances[msg.sender] -= $b;
        (bool ok, ) = msg.sender.call{value: $b}("");
        require(ok);
    }
"#,
                r#"
    function $aAll() external {
        uint256 $b = balances[msg.sender];
        balances[msg.sender] = 0;
        (bool ok, ) = msg.sender.call{value: $b}("");
        require(ok, "refused");
    }
"#,
            ],
        },
        ListingPart {
            cwe: 190,
            weak: &[
                r"
    function $aMany(address[] calldata to, uint256 $b) external {
!       uint256 total = to.length * $b;
        require(balances[msg.sender] >= total);
        balances[msg.sender] -= total;
        for (uint256 i = 0; i < to.length; i++) {
            balances[to[i]] += $b;
        }
    }
",
                r"
    function $aTo(address to, uint256 $b) external {
        require(to != address(0));
!       balances[msg.sender] -= $b;
        balances[to] += $b;
    }
",
            ],
            sound: &[
                r"
    function $aMany(address[] calldata to, uint256 $b) external {
        require(to.length > 0 && $b <= balances[msg.sender] / to.length);
        balances[msg.sender] -= to.length * $b;
        for (uint256 i = 0; i < to.length; i++) {
            balances[to[i]] += $b;
        }
    }
",
                r"
    function $aTo(address to, uint256 $b) external {
        require(to != address(0) && balances[msg.sender] >= $b);
        balances[msg.sender] -= $b;
        balances[to] += $b;
    }
",
            ],
        },
        ListingPart {
            cwe: 284,
            weak: &[
                r"
!   function $cOwner(address next) external {
!       owner = next;
    }
",
                r"
!   function $cEverything(address payable to) public {
!       to.transfer(address(this).balance);
    }
",
            ],
            sound: &[
                r"
    function $cOwner(address next) external onlyOwner {
        owner = next;
    }
",
                r"
    function $cEverything(address payable to) public {
        require(msg.sender == owner);
        to.transfer(address(this).balance);
    }
",
            ],
        },
        ListingPart {
            cwe: 252,
            weak: &[
                r"
    function $cPart(address payable to, uint256 $b) external onlyOwner {
!       to.send($b);
        emit Paid(to, $b);
    }
",
                r#"
    function $cPart(address to, uint256 $b) external onlyOwner {
!       to.call{value: $b}("");
        emit Paid(to, $b);
    }
"#,
            ],
            sound: &[
                r#"
    function $cPart(address payable to, uint256 $b) external onlyOwner {
        require(to.send($b), "refused");
        emit Paid(to, $b);
    }
"#,
                r#"
    function $cPart(address to, uint256 $b) external onlyOwner {
        (bool ok, ) = to.call{value: $b}("");
        require(ok);
        emit Paid(to, $b);
    }
"#,
            ],
        },
        ListingPart {
            cwe: 338,
            weak: &[
                r"
    function drawWinner() external view onlyOwner returns (address) {
!       uint256 place = uint256(keccak256(abi.encode(block.timestamp))) % holders.length;
!       return holders[place];
    }
",
                r"
    function drawWinner() external view onlyOwner returns (address) {
!       bytes32 noise = blockhash(block.number - 1);
!       return holders[uint256(noise) % holders.length];
    }
",
            ],
            sound: &[
                r"
    function oldest() external view onlyOwner returns (address, uint256) {
        return (holders[0], block.timestamp);
    }
",
                r#"
    function drawWinner(bytes32 secret) external view onlyOwner returns (address) {
        require(keccak256(abi.encode(secret)) == keccak256("committed"));
        return holders[uint256(secret) % holders.length];
    }
"#,
            ],
        },
        ListingPart {
            cwe: 670,
            weak: &[
                r"
    function shareOut(uint256 $b) external onlyOwner {
!       for (uint256 i = 0; i < holders.length; i++) {
!           payable(holders[i]).transfer($b);
        }
    }
",
                r"
    function shareOut(address payable[] calldata to) external onlyOwner {
        uint256 i = 0;
!       while (i < to.length) {
!           to[i].transfer(1 ether);
            i++;
        }
    }
",
            ],
            sound: &[
                r"
    function shareOut(uint256 start) external onlyOwner {
        require(start < holders.length);
        payable(holders[start]).transfer(1 ether);
    }
",
                r"
    function shareOut() external view onlyOwner returns (uint256 held) {
        for (uint256 i = 0; i < holders.length; i++) {
            if (balances[holders[i]] > 0) held = i;
        }
    }
",
            ],
        },
        ListingPart {
            cwe: 829,
            weak: &[
                r"
    function run(address code, bytes calldata input) external {
!       (bool ok, ) = code.delegatecall(input);
        require(ok);
    }
",
                r#"
    function extend(address plugin) external returns (bool ok) {
        require(plugin != address(this));
!       (ok, ) = plugin.delegatecall(abi.encodeWithSignature("install()"));
    }
"#,
            ],
            sound: &[
                r"
    address private immutable code = address(0x1234);

    function run(bytes calldata input) external {
        (bool ok, ) = code.delegatecall(input);
        require(ok);
    }
",
                r"
    function ask(address other, bytes calldata input) external view returns (bool ok) {
        (ok, ) = other.staticcall(input);
    }
",
            ],
        },
    ],
    closing: "}",
    names: [
        &["send", "pay", "move", "withdraw", "cash"],
        &["amount", "value", "sum", "wad", "tokens"],
        &["set", "take", "give", "pass", "hand"],
    ],
    planted: 3,
};
