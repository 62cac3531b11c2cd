"""Write examples/image_search.ipynb and its Spanish twin, executed: one code, two languages.

    python tools/notebooks.py

A test executes both again and compares their code with this script.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
LANGUAGES = ("en", "es")
NAMES = {"en": "image_search.ipynb", "es": "busqueda_de_imagenes.ipynb"}

# (English, Spanish) for text; a plain string is code, the same in both.
CELLS: tuple[str | tuple[str, str], ...] = (
    (
        "# Image search\n\n"
        "From raw files to the keywords behind the most popular picture, in a minute and without a"
        " network: pictures become vectors, vectors a library, and the library answers what looks"
        " alike *and* what people download of it.\n\n"
        "The pictures are vistazo's sample; its log of downloads is synthetic.",
        "# Búsqueda de imágenes\n\n"
        "De los archivos originales a las palabras que llevaron a la foto más popular, en un minuto"
        " y sin red: las fotos se vuelven vectores, los vectores una biblioteca, y la biblioteca"
        " responde qué se parece *y* qué descarga la gente de ello.\n\n"
        "Las fotos son la muestra de vistazo; su registro de descargas es sintético.",
    ),
    "import pandas as pd\n\nimport vistazo\nfrom vistazo import Query\n"
    "from vistazo.datasets.build import BuildPlan\nfrom vistazo.display import plots",
    (
        "## The raw files\n\n"
        "The Unsplash dataset comes as tables of text: photos, and conversions, that is, which"
        " photo somebody downloaded after searching for which keyword. The sample has the same"
        " columns.",
        "## Los archivos originales\n\n"
        "El conjunto de datos de Unsplash viene en tablas de texto: fotos, y conversiones, es"
        " decir, qué foto descargó alguien después de buscar qué palabra. La muestra tiene las"
        " mismas columnas.",
    ),
    'photos = pd.read_csv("../sample/photos.tsv000", sep="\\t")\n'
    'photos[["photo_id", "photo_image_url", "photo_description"]].head(3)',
    'pd.read_csv("../sample/conversions.tsv000", sep="\\t").head(3)',
    (
        "## Pictures to vectors\n\n"
        "One line reads every picture, embeds it, and stores vector, thumbnail and description in"
        " a ClickHouse database inside a folder. Run again, it does only what has changed; a"
        " picture that cannot be read becomes a row of `lib.failures()`.",
        "## De fotos a vectores\n\n"
        "Una línea lee cada foto, calcula su vector, y guarda vector, miniatura y descripción en"
        " una base de datos ClickHouse dentro de una carpeta. Si se repite, hace solo lo que ha"
        " cambiado; una foto que no se puede leer pasa a ser una fila de `lib.failures()`.",
    ),
    'lib = vistazo.open("photo-library")\n'
    'report = lib.index("unsplash:../sample")\n'
    'print(f"{report.added + report.unchanged} photos, {report.failed} failed")',
    (
        "## A dataset to publish\n\n"
        "The same photos and conversions as two Parquet files, ready for the Hugging Face Hub:"
        " `vistazo dataset publish dataset owner/name`.",
        "## Un conjunto de datos para publicar\n\n"
        "Las mismas fotos y conversiones en dos archivos Parquet, listos para el Hub de Hugging"
        " Face: `vistazo dataset publish dataset propietario/nombre`.",
    ),
    'plan = BuildPlan(limit=0, image_base_url="https://photos.example.org")\n'
    'built = lib.build_dataset("unsplash:../sample", "dataset", plan)\n'
    'pd.read_parquet("dataset/photos.parquet").head(3)',
    (
        "## Two tables\n\n"
        "`lib.sql` asks the database and gives Arrow. Small libraries are searched exactly;"
        " a large one gets a vector index by itself.",
        "## Dos tablas\n\n"
        "`lib.sql` pregunta a la base de datos y da Arrow. Las bibliotecas pequeñas se recorren"
        " enteras y dan el resultado exacto; una grande recibe sola un índice vectorial.",
    ),
    'counts = "SELECT (SELECT count() FROM photos) AS photos, count() AS conversions"\n'
    'print(lib.sql(counts + " FROM conversions").to_pylist())\n'
    'print("vector index:", lib.index_status().state)',
    (
        "## Find photos by words",
        "## Encontrar fotos con palabras",
    ),
    'hits = lib.search("mountains above a forest", k=5)\nhits.show()',
    (
        "## The ten most similar photos\n\n"
        "Take any photo, `lib.random()` for instance. Here is one, and the ten nearest to it; a"
        " photo is never among its own neighbours, and a score is an exact cosine.",
        "## Las diez fotos más parecidas\n\n"
        "Toma una foto cualquiera, por ejemplo con `lib.random()`. Aquí hay una, y las diez más"
        " cercanas; una foto nunca está entre sus propias vecinas, y la puntuación es un coseno"
        " exacto.",
    ),
    "target = hits[1]\nhits[1:2].show()",
    "similar = lib.similar(target.photo_id, k=10)\nsimilar.show()",
    (
        "The same in SQL, for those who like to see it. `embed('words')` stands for a text's"
        " vector.",
        "Lo mismo en SQL, para quien quiera verlo. `embed('palabras')` representa el vector de un"
        " texto.",
    ),
    "lib.sql(\n"
    '    """\n'
    "    SELECT photo_id, description,\n"
    "        distance(photo_embed, (SELECT photo_embed FROM photos WHERE photo_id = {id:String}))"
    " AS dist\n"
    "    FROM photos\n"
    "    WHERE photo_id != {id:String}\n"
    "    ORDER BY dist\n"
    "    LIMIT 5\n"
    '    """,\n'
    '    {"id": target.photo_id},\n'
    ").to_pandas()",
    (
        "## What do people download of these?\n\n"
        "One SQL statement joins the search with the log of downloads.",
        "## ¿Qué descarga la gente de todo esto?\n\n"
        "Una sola consulta SQL une la búsqueda con el registro de descargas.",
    ),
    "demand = lib.demand(Query(photo_id=target.photo_id, k=10))\n"
    'pd.DataFrame(demand.candidates)[["photo_id", "score", "downloads"]]',
    (
        "The most popular one of them, and the five keywords that led people to it:",
        "La más popular de ellas, y las cinco palabras que llevaron a la gente hasta ella:",
    ),
    "popular = demand.most_popular\n"
    'print(f"{popular.photo_id}: {popular.downloads} downloads")\n'
    "for keyword, downloads in demand.top_keywords:\n"
    '    print(f"{downloads:6}  {keyword}")\n'
    "place = [hit.photo_id for hit in similar].index(popular.photo_id)\n"
    "similar[place : place + 1].show()",
    (
        "And over time, for all that looks like it:",
        "Y a lo largo del tiempo, para todo lo que se le parece:",
    ),
    "downloads = lib.downloads(Query(photo_id=target.photo_id, k=10))\n"
    "plots.months(downloads.by_month())",
    "plots.keywords(downloads.top_keywords())",
    "lib.close()",
)


def notebook(language: str) -> Any:
    """The notebook in one language, not yet executed."""
    place = LANGUAGES.index(language)
    cells = [
        nbformat.v4.new_code_cell(cell, id=f"cell-{number:02}")
        if isinstance(cell, str)
        else nbformat.v4.new_markdown_cell(cell[place], id=f"cell-{number:02}")
        for number, cell in enumerate(CELLS)
    ]
    python = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": python})


def execute(book: Any, folder: Path) -> Any:
    """Run a notebook in `folder`/examples, with the sample beside it; its own outputs then."""
    (folder / "sample").symlink_to(ROOT / "sample")
    (folder / "examples").mkdir()
    resources = {"metadata": {"path": str(folder / "examples")}}
    done = NotebookClient(book, timeout=300, resources=resources).execute()
    for cell in done.cells:
        cell.get("metadata", {}).clear()  # times of execution, new at every run
    return done


def main() -> int:
    """Write both."""
    for language, name in NAMES.items():
        folder = Path(tempfile.mkdtemp())
        try:
            done = execute(notebook(language), folder)
        finally:
            shutil.rmtree(folder)
        target = ROOT / "examples" / name
        target.parent.mkdir(exist_ok=True)
        nbformat.write(done, target)
        print(f"{target.relative_to(ROOT)}: {target.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
