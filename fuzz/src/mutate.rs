//! Changes inputs at random, as a hostile author would: bits, lengths, numbers at their limits, pieces of others.

/// Numbers from a seed, the same each time (xorshift64*).
pub struct Dice(u64);

impl Dice {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(2).wrapping_add(1))
    }

    /// A number below `end`, 0 if there is none.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
        high as usize % end.max(1)
    }
}

/// What stands in the formats, and what should not.
const WORDS: [&[u8]; 33] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"\\",
    b",",
    b":",
    b"\n",
    b"\n\n",
    b"\0",
    b"\xff",
    b"\xc3",
    b"\xe2\x80\x94 ",
    b"null",
    b"true",
    b"false",
    b"-0",
    b"1e9",
    b"0.5",
    b"9007199254740991",
    b"9007199254740992",
    b"18446744073709551615",
    b"18446744073709551616",
    b"\\u0000",
    b"\\ud800",
    b"\\n",
    b"{\"a\":",
    b"[[[[[[[[",
    b"old 0",
    b"/../",
    b":*",
    b"+",
];

/// Numbers at whose neighbours sums and lengths go wrong.
const EDGES: [u64; 9] = [0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0xffff_ffff, u64::MAX];
/// No input grows beyond this.
const LONGEST: usize = 64 << 10;

/// `input` with some changes; `other` is where pieces come from.
pub fn mutate(input: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut changed = input.to_vec();
    for _change in 0..=dice.below(4) {
        once(&mut changed, other, dice);
    }
    changed.truncate(LONGEST);
    changed
}

fn once(bytes: &mut Vec<u8>, other: &[u8], dice: &mut Dice) {
    let place = dice.below(bytes.len() + 1);
    let most = 1 << dice.below(10);
    let end = (place + dice.below(most)).min(bytes.len());
    match dice.below(10) {
        0 | 1 => {
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= 1 << dice.below(8);
            }
        }
        2 => drop(bytes.drain(place..end)),
        3 => {
            let again = bytes[place..end].to_vec();
            bytes.splice(place..place, again);
        }
        4 | 5 => {
            let word = WORDS[dice.below(WORDS.len())];
            bytes.splice(place..(place + word.len() * dice.below(2)).min(bytes.len()), word.iter().copied());
        }
        6 => {
            let start = dice.below(other.len() + 1);
            let piece = &other[start..(start + dice.below(64)).min(other.len())];
            bytes.splice(place..end, piece.iter().copied());
        }
        7 => {
            let number = EDGES[dice.below(EDGES.len())].wrapping_add(dice.below(3) as u64).wrapping_sub(1);
            let width = 1 << dice.below(4);
            for (byte, edge) in bytes.iter_mut().skip(place).zip(&number.to_le_bytes()[..width]) {
                *byte = *edge;
            }
        }
        8 => number(bytes, place, dice),
        _cut => bytes.truncate(place),
    }
}

/// Another number where digits stand at or after a place.
fn number(bytes: &mut Vec<u8>, place: usize, dice: &mut Dice) {
    let Some(first) = bytes.iter().skip(place).position(u8::is_ascii_digit) else { return };
    let first = place + first;
    let length = bytes[first..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = EDGES[dice.below(EDGES.len())].wrapping_add(dice.below(3) as u64).wrapping_sub(1);
    bytes.splice(first..first + length, number.to_string().into_bytes());
}
